"""What blocks on the server loses nothing when its waiter goes, and comes back when its connection goes."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from ardiq_django.results import State
from ardiq_django.wire import Command, Order
from tests.contract.keep import Keep, Worker, soon
from tests.contract.makers import success
from tests.services import RedisServer

LONG_S = 30.0
IDLE_SHARE = 0.25  # of a core, where a busy loop would take all of it


async def until(is_so: Callable[[], Awaitable[bool]]) -> None:
    """The server has no event to wait for, so it is asked."""
    while not await is_so():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def hear(worker: Worker, number: int) -> list[str]:
    heard: list[str] = []
    while len(heard) < number:
        heard += [command.job_id for command in await worker.broker.listen(worker.epoch, LONG_S)]
    return heard


async def test_a_listener_that_is_cancelled_loses_no_command(keep: Keep) -> None:
    worker, told, heard = await keep.worker(), [str(number) for number in range(100)], []
    for job_id in told:
        listening = asyncio.create_task(keep.broker.listen(worker.epoch, LONG_S))
        telling = asyncio.create_task(keep.broker.tell(worker.epoch, Command(Order.ABORT, job_id, 1)))
        for _ in range(random.randrange(12)):
            await asyncio.sleep(0)
        listening.cancel()
        if results := await asyncio.gather(listening, return_exceptions=True):
            heard += [command.job_id for command in results[0]] if isinstance(results[0], list) else []
        assert await telling

    heard += await soon(hear(worker, len(told) - len(heard)))

    assert heard == told


async def test_one_who_listens_hears_all_that_came_before(keep: Keep) -> None:
    worker = await keep.worker()
    for number in range(3):
        await keep.broker.tell(worker.epoch, Command(Order.ABORT, str(number), 1))

    commands = await soon(keep.broker.listen(worker.epoch, LONG_S))

    assert [command.job_id for command in commands] == ["0", "1", "2"]


async def test_mail_nobody_reads_goes_away_by_itself(keep: Keep, server: Any) -> None:
    worker = await keep.worker()
    await keep.broker.tell(worker.epoch, Command(Order.QUIET))

    left_s = await server.ttl(f"ardiq:{{{keep.rules.queue}}}:mail:{worker.epoch}")

    assert 0 < left_s <= 60


async def test_closing_ends_what_still_blocks(keep: Keep, server: Any) -> None:
    worker = await keep.worker()

    async def blocks() -> bool:
        return any(client["cmd"] == "blpop" for client in await server.client_list())

    async def blocks_no_more() -> bool:
        return not await blocks()

    waiting = asyncio.create_task(keep.broker.wait(worker.epoch, LONG_S))
    await soon(until(blocks))

    await keep.broker.close()

    waiting.cancel()
    await soon(until(blocks_no_more))
    await asyncio.gather(waiting, return_exceptions=True)


async def registered(keep: Keep, server: Any, number: int) -> None:
    """So many wait for ends: subscribed, registered, and have looked once."""

    async def are_there() -> bool:
        return bool(await server.zcard(f"ardiq:{{{keep.rules.queue}}}:waiting") == number)

    await soon(until(are_there))


async def test_an_end_is_heard_after_the_subscription_was_dropped(keep: Keep, server: Any) -> None:
    worker, delivery = await keep.running()
    waiter = asyncio.create_task(keep.second().wait_end(delivery.job.id, LONG_S))
    await registered(keep, server, 1)
    await server.execute_command("CLIENT", "KILL", "TYPE", "pubsub")

    await worker.settle(success(delivery))

    ended = await soon(waiter)
    assert ended is not None
    assert ended.state is State.SUCCEEDED


async def test_many_waiters_share_one_connection(keep: Keep, server: Any) -> None:
    jobs = await keep.put_many(30)
    worker = await keep.worker()
    broker = keep.second()
    waiters = [asyncio.create_task(broker.wait_end(job.id, LONG_S)) for job in jobs]
    await registered(keep, server, len(jobs))
    subscribed = [client for client in await server.client_list() if "subscribe" in client["cmd"]]

    await worker.settle(*map(success, await worker.claim(30)))

    ended = await soon(asyncio.gather(*waiters))
    assert len(subscribed) == 1
    assert [one.job.id for one in ended if one] == [job.id for job in jobs]
    assert await server.exists(f"ardiq:{{{keep.rules.queue}}}:waiting") == 0


async def test_a_waiter_that_gave_up_is_forgotten(keep: Keep, server: Any) -> None:
    with pytest.raises(TimeoutError):
        await keep.broker.wait_end("never-enqueued", 0.01)
    keep.travel(1_000)

    await keep.broker.sweep()

    assert await server.exists(f"ardiq:{{{keep.rules.queue}}}:waiting") == 0


async def test_waiters_sleep_while_the_server_is_away_and_hear_the_end_when_it_is_back() -> None:
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    server.start()
    keep = Keep(server.url)
    worker, delivery = await keep.running()
    waiter = asyncio.create_task(keep.second().wait_end(delivery.job.id, LONG_S))
    async with Redis.from_url(server.url) as client:
        await registered(keep, client, 1)
    server.kill()
    cpu, wall = time.process_time(), time.monotonic()
    await asyncio.sleep(0.7)
    cpu, wall = time.process_time() - cpu, time.monotonic() - wall
    server.start()

    await worker.settle(success(delivery))

    ended = await soon(waiter)
    assert ended is not None
    assert ended.state is State.SUCCEEDED
    assert cpu < wall * IDLE_SHARE
    await keep.close()
    server.kill()
