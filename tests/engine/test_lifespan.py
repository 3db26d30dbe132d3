"""What surrounds a worker's run: once, before its first job and after its last, however it ends."""

import asyncio
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from ardiq_django import Ardiq, State
from tests.engine.house import House, end_of, soon, until


async def test_it_begins_before_the_first_job_and_ends_after_the_last(house: House) -> None:
    app = house.app()
    events: list[str] = []

    @app.lifespan
    async def resources() -> AsyncIterator[dict[str, int]]:
        events.append("begins")
        yield {"answer": 42}
        events.append("ends")

    @app.task
    async def on_the_loop() -> int:
        events.append("job")
        return int(app.state.answer)

    @app.task
    def in_a_thread() -> int:
        events.append("job")
        return int(app.state.answer)

    jobs = [await task.enqueue() for task in (on_the_loop, in_a_thread)]
    await house.burst(app)

    assert events == ["begins", "job", "job", "ends"]
    assert [(await end_of(job)).value for job in jobs] == [42, 42]


async def test_each_run_of_a_worker_has_its_own(house: House) -> None:
    app = house.app()
    numbers: list[int] = []

    @app.lifespan
    async def count() -> AsyncIterator[dict[str, int]]:
        yield {"number": len(numbers)}
        numbers.append(app.state.number)

    for _ in range(2):
        await house.burst(app)

    assert numbers == [0, 1]


async def test_an_object_that_it_yields_becomes_the_state(house: House) -> None:
    app, bare = house.app(), house.app()
    made = SimpleNamespace(name="mine")

    @app.lifespan
    async def resources() -> AsyncIterator[SimpleNamespace]:
        yield made

    @bare.lifespan
    async def nothing() -> AsyncIterator[None]:
        yield

    for one in (app, bare):
        await house.burst(one)

    assert app.state is made
    with pytest.raises(AttributeError, match=r"app.state has no 'name': what an @app.lifespan yields"):
        bare.state.name  # noqa: B018


async def test_an_error_at_its_start_keeps_the_worker_from_running(house: House) -> None:
    app = house.app()

    async def connect() -> None:
        raise ConnectionError("no such service")

    @app.lifespan
    async def broken() -> AsyncIterator[None]:
        await connect()
        yield

    @app.task
    async def add() -> int:
        return 1

    job = await add.enqueue()
    with pytest.raises(ConnectionError, match="no such service") as raised:
        await soon(app.run())

    assert raised.value.__notes__ == [f"raised by the lifespan of queue {house.queue!r}, so its worker did not begin"]
    assert await house.state(job) is State.QUEUED
    assert await app.broker.workers() == []


@pytest.mark.parametrize("how", ["stop", "cancel"])
async def test_it_ends_after_the_last_job_of_a_worker_that_is_stopped(house: House, how: str) -> None:
    app = house.app()
    events: list[str] = []

    @app.lifespan
    async def resources() -> AsyncIterator[None]:
        yield
        await asyncio.sleep(0)
        events.append("ends")

    @app.task
    async def wait() -> None:
        try:
            running.set()
            await asyncio.sleep(60)
        finally:
            events.append("job ends")

    running = asyncio.Event()
    job = await wait.enqueue()
    worker = asyncio.create_task(app.run())
    await soon(running.wait())
    if how == "stop":
        app.stop(now=True)
    else:
        worker.cancel()
    await asyncio.wait([worker], timeout=20)

    assert events == ["job ends", "ends"]
    assert await house.state(job) is State.QUEUED


async def test_a_stop_while_it_begins_cancels_it(house: House) -> None:
    app = house.app()
    events: list[str] = []

    @app.lifespan
    async def slow() -> AsyncIterator[None]:
        try:
            begun.set()
            await asyncio.sleep(60)
            yield
        finally:
            events.append("cleaned up")

    begun = asyncio.Event()
    worker = asyncio.create_task(app.run())
    await soon(begun.wait())
    app.stop()
    await soon(worker)

    assert events == ["cleaned up"]


async def test_it_may_keep_a_task_group_open(house: House) -> None:
    app = house.app()
    ticks: list[int] = []

    async def tick() -> None:
        while True:
            ticks.append(1)
            await asyncio.sleep(0.001)

    @app.lifespan
    async def background() -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            ticker = group.create_task(tick())
            yield
            ticker.cancel()

    async with house.working(app):
        await until(lambda: len(ticks) > 2)
    number = len(ticks)
    await asyncio.sleep(0.01)

    assert len(ticks) == number


async def test_what_goes_wrong_after_its_start_is_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    app = house.app()

    @app.lifespan
    async def resources() -> AsyncIterator[None]:
        yield
        raise ValueError("cannot be closed")

    with caplog.at_level(logging.ERROR, "ardiq.worker"):
        await house.burst(app)

    (record,) = caplog.records
    assert record.getMessage() == f"lifespan failed queue={house.queue} worker={app.worker_id}: {record.exc_info[1]!r}"  # type: ignore[index]
    assert "cannot be closed" in caplog.text


async def test_one_that_does_not_end_is_cancelled(house: House, caplog: pytest.LogCaptureFixture) -> None:
    app = house.app(shutdown_timeout_s=0)

    @app.lifespan
    async def resources() -> AsyncIterator[None]:
        yield
        await asyncio.sleep(60)

    with caplog.at_level(logging.ERROR, "ardiq.worker"):
        await house.burst(app)

    assert "it took too long to end" in caplog.text


def test_an_app_has_one_lifespan() -> None:
    app = Ardiq("memory://")

    @app.lifespan
    async def first() -> AsyncIterator[None]:
        yield

    async def second() -> AsyncIterator[None]:
        yield

    async def no_generator() -> None: ...

    async def takes_something(app: object) -> AsyncIterator[None]:
        yield

    app.lifespan(first)  # its module was imported again
    with pytest.raises(ValueError, match="is the lifespan of this app already: enter <function"):
        app.lifespan(second)
    for wrong in (no_generator, lambda: None):
        with pytest.raises(TypeError, match="is no lifespan: it needs an async generator function"):
            app.lifespan(wrong)
    with pytest.raises(TypeError, match=r"is no lifespan: it will be called with \(\)"):
        app.lifespan(takes_something)


async def test_one_that_yields_twice_or_never_is_an_error(house: House, caplog: pytest.LogCaptureFixture) -> None:
    never, twice = house.app(), house.app()

    @never.lifespan
    async def yields_never() -> AsyncIterator[Any]:
        if never.burst:
            return
        yield

    @twice.lifespan
    async def yields_twice() -> AsyncIterator[Any]:
        yield
        yield

    with pytest.raises(RuntimeError, match="generator didn't yield"):
        await house.burst(never)
    with caplog.at_level(logging.ERROR, "ardiq.worker"):
        await house.burst(twice)

    assert "generator didn't stop" in caplog.text
