"""However much has come due: no script that others wait for does more than a bounded part of it."""

from typing import Any

from redis.asyncio import Redis

from tests.contract.keep import Keep

MANY = 20_000
AT_ONCE = 200


async def test_what_is_due_at_once_is_promoted_in_bounded_steps(clean_redis_url: str) -> None:
    keep = Keep(clean_redis_url)
    await keep.broker.enqueue([keep.job(delay_ms=60_000) for _ in range(MANY)])
    keep.travel(120_000)
    worker = await keep.worker()
    server: Any = Redis.from_url(clean_redis_url)
    due, moved = f"ardiq:{{{keep.rules.queue}}}:due", []

    for _ in range(20):
        before = await server.zcard(due)
        await worker.exchange(want=1)
        moved.append(before - await server.zcard(due))

    assert moved == [AT_ONCE] * 20
    await server.aclose()
    await keep.close()


async def test_no_command_of_a_turn_grows_with_what_is_due(clean_redis_url: str) -> None:
    """By the server's own count of what its commands were given, not by time."""
    costs = [await commands_of_a_turn(clean_redis_url, number) for number in (1_000, MANY)]

    assert costs[0] == costs[1]


async def commands_of_a_turn(address: str, number: int) -> dict[str, int]:
    """How often each command runs in one turn where so many jobs are due."""
    keep = Keep(address)
    await keep.broker.enqueue([keep.job(delay_ms=60_000) for _ in range(number)])
    keep.travel(120_000)
    worker = await keep.worker()
    server: Any = Redis.from_url(address)
    await worker.exchange(want=16)
    await server.config_resetstat()
    await worker.exchange(want=16)
    stats = await server.info("commandstats")
    await server.aclose()
    await keep.close()
    return {name: one["calls"] for name, one in stats.items() if name.split("_")[1] not in ("config|resetstat", "info")}
