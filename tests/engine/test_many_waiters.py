"""A thousand who wait for results at once, on every broker."""

import asyncio

from ardiq_django import gather
from tests.engine.house import SOON_S, House

MANY = 1_000


async def test_a_thousand_who_wait_all_hear_of_their_own_end(house: House) -> None:
    app, reader = house.app(concurrency=100), house.app()

    @app.task
    async def echo(number: int) -> int:
        return number

    jobs = await app.enqueue_many(echo.prepare(number) for number in range(MANY))
    waiters = asyncio.create_task(gather(*(reader.job(job.id) for job in jobs), timeout=SOON_S * 4))
    async with house.working(app):
        results = await waiters

    assert [result and result.value for result in results] == list(range(MANY))
