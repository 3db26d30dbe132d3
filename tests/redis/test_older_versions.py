"""What an older version left in the server that this one keeps differently."""

from typing import Any

from tests.contract.keep import Keep


async def test_the_worker_it_chose_for_suspects_is_forgotten_once_that_is_gone(keep: Keep, server: Any) -> None:
    old, key = await keep.worker("old"), f"ardiq:{{{keep.rules.queue}}}:clearing"
    await server.set(key, f"{old.epoch}*")

    await keep.worker("new")
    while_it_lives = await server.exists(key)
    await old.leave()
    await keep.worker("newer")

    assert while_it_lives == 1
    assert await server.exists(key) == 0
