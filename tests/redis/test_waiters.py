"""A thousand who wait for results, and the few connections they take."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ardiq_django import gather
from ardiq_django.brokers.redis.client import POOLED
from tests.engine.house import SOON_S, House, soon, until

MANY = 1_000
THREADS = 50
A_FEW = 1 + POOLED  # the subscription, and those on which they look at first


@pytest.fixture
async def house(redis_url: str) -> AsyncIterator[House]:
    made = House(redis_url)
    yield made
    await made.close()


async def made_so_far(server: Any) -> int:
    """How many connections the server has ever seen."""
    return int((await server.info("stats"))["total_connections_received"])


async def waiting(house: House, server: Any) -> int:
    return int(await server.zcard(f"ardiq:{{{house.queue}}}:waiting"))


async def test_a_thousand_waiters_take_a_few_connections(house: House, server: Any) -> None:
    app, reader = house.app(concurrency=100), house.app()

    @app.task
    async def echo(number: int) -> int:
        return number

    jobs = await app.enqueue_many(echo.prepare(number) for number in range(MANY))
    before, there = await made_so_far(server), {client["id"] for client in await server.client_list()}
    waiters = asyncio.create_task(gather(*(reader.job(job.id) for job in jobs), timeout=SOON_S * 4))

    async def all_wait() -> bool:
        return await waiting(house, server) == MANY

    await until(all_wait)
    taken = [client for client in await server.client_list() if client["id"] not in there]
    made = await made_so_far(server) - before
    async with house.working(app):
        results = await asyncio.wait_for(waiters, SOON_S * 4)

    assert len(taken) == made <= A_FEW
    assert [client["sub"] for client in taken if client["sub"] != "0"] == [str(MANY)]
    assert [result and result.value for result in results] == list(range(MANY))


async def test_threads_that_wait_share_their_connections(house: House, server: Any) -> None:
    app = house.app()

    @app.task
    async def echo(number: int) -> int:
        return number

    jobs = await app.enqueue_many(echo.prepare(number) for number in range(THREADS))
    there = {client["id"] for client in await server.client_list()}

    def wait(number: int) -> object:
        result = jobs[number].result_sync(SOON_S * 4)
        return result and result.value

    async def all_wait() -> bool:
        return await waiting(house, server) >= THREADS

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(THREADS) as pool:
        waiters = [loop.run_in_executor(pool, wait, number) for number in range(THREADS)]
        await until(all_wait)
        taken = [client for client in await server.client_list() if client["id"] not in there]
        async with house.working(app):
            values = await soon(asyncio.gather(*waiters))

    assert len(taken) <= A_FEW
    assert values == list(range(THREADS))
