"""A worker that is told to be quiet claims nothing more, but stays and finishes what it runs, until it is to go on."""

import asyncio

from ardiq_django import Ardiq, State
from ardiq_django.snapshot import WorkerRow
from ardiq_django.wire import Command, Order
from tests.engine.house import House, end_of, soon, until


async def its_row(app: Ardiq) -> WorkerRow:
    """What is known of the only worker of its name, once it is registered."""
    found: list[WorkerRow] = []

    async def is_there() -> bool:
        found[:] = [row for row in await app.broker.workers() if row.card.worker_id == app.worker_id]
        return bool(found)

    await until(is_there)
    return found[0]


async def tell(app: Ardiq, order: Order, mood: str) -> None:
    """Give the order, and wait until the worker says that it heeds it."""
    assert await app.broker.tell((await its_row(app)).card.epoch, Command(order))

    async def heeds() -> bool:
        return (await its_row(app)).news.mood == mood

    await until(heeds)


async def test_a_quiet_worker_finishes_what_it_runs_claims_nothing_more_and_stays(house: House) -> None:
    app = house.app(concurrency=2, idle_timeout_ms=1_000)
    let_go = asyncio.Event()

    @app.task
    async def hold() -> str:
        await let_go.wait()
        return "finished"

    running = await hold.enqueue()
    async with house.working(app):
        await house.until_state(running, State.RUNNING)
        await tell(app, Order.QUIET, "quiet")
        waiting = await hold.enqueue()
        epoch = (await its_row(app)).card.epoch
        let_go.set()
        assert (await end_of(running)).value == "finished"
        lease_end_ms = (await its_row(app)).lease_end_ms

        async def has_renewed() -> bool:
            return (await its_row(app)).lease_end_ms > lease_end_ms + 1_000

        await until(has_renewed)

        assert await house.state(waiting) is State.QUEUED
        assert (await its_row(app)).card.epoch == epoch


async def test_a_quiet_worker_leaves_the_work_to_others(house: House) -> None:
    app, other = house.app(worker_id="quiet"), house.app(worker_id="other")

    async def who() -> None: ...

    app.task(name="who")(who)
    task = other.task(name="who")(who)
    async with house.working(app, other):
        await its_row(other)
        await tell(app, Order.QUIET, "quiet")
        jobs = [await task.enqueue() for _ in range(20)]
        for job in jobs:
            await end_of(job)
        snapshots = [await app.broker.get(job.id) for job in jobs]

    assert {snapshot.worker for snapshot in snapshots if snapshot} == {"other"}


async def test_a_quiet_worker_goes_on_when_it_is_told_to(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> int:
        return 1

    async with house.working(app):
        await tell(app, Order.QUIET, "quiet")
        job = await note.enqueue()
        await tell(app, Order.RESUME, "")

        assert (await end_of(job)).value == 1


async def test_a_quiet_worker_can_be_stopped(house: House) -> None:
    app = house.app()
    worker = asyncio.create_task(app.run())
    await tell(app, Order.QUIET, "quiet")

    await app.broker.tell((await its_row(app)).card.epoch, Command(Order.STOP))
    await soon(worker)

    assert await app.broker.workers() == []


async def test_a_worker_in_burst_that_is_quiet_ends(house: House) -> None:
    app = house.app(burst=True, concurrency=1)
    let_go = asyncio.Event()

    @app.task
    async def hold() -> None:
        await let_go.wait()

    first = await hold.enqueue()
    second = await hold.enqueue()
    worker = asyncio.create_task(app.run())
    await house.until_state(first, State.RUNNING)
    await tell(app, Order.QUIET, "quiet")
    let_go.set()
    await soon(worker)

    assert await house.state(first) is State.SUCCEEDED
    assert await house.state(second) is State.QUEUED


async def test_a_worker_tells_its_memory_and_the_versions_of_what_it_runs_on(house: House) -> None:
    app = house.app()
    async with house.working(app):

        async def has_told() -> bool:
            return bool((await its_row(app)).news.versions)

        await until(has_told)
        news = (await its_row(app)).news

    assert set(news.versions) >= {"Python", "ardiq-django"}
    assert news.rss_bytes > 1_000_000
