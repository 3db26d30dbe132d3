"""What was opened for a job is closed after it, however it ended."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from ardiq_django import Reject, State, current_task
from ardiq_django.dependencies import Depends
from tests.engine.house import House, end_of, until


class Log:
    """What happened, in order, whichever thread it was in."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def client(self) -> Iterator[str]:
        self.lines.append("client opened")
        try:
            yield "client"
        except BaseException as error:
            self.lines.append(f"client saw {type(error).__name__}")
            raise
        finally:
            self.lines.append("client closed")

    async def session(self) -> AsyncIterator[str]:
        self.lines.append("session opened")
        try:
            yield "session"
        finally:
            await asyncio.sleep(0)
            self.lines.append("session closed")


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.mark.parametrize("sync", [True, False])
async def test_what_was_opened_is_closed_after_the_job_last_first(house: House, log: Log, sync: bool) -> None:
    app = house.app(concurrency=1)

    def one(client: str = Depends(log.client), session: str = Depends(log.session)) -> str:
        log.lines.append("body")
        return f"{client} {session}"

    async def other(client: str = Depends(log.client), session: str = Depends(log.session)) -> str:
        return one(client, session)

    job = await app.task(one if sync else other).enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == "client session"
    assert log.lines == ["client opened", "session opened", "body", "session closed", "client closed"]


@pytest.mark.parametrize("sync", [True, False])
async def test_a_failure_is_seen_by_what_was_opened_and_is_never_hidden(house: House, log: Log, sync: bool) -> None:
    app = house.app()

    def swallows() -> Iterator[None]:
        try:
            yield
        except Reject:
            log.lines.append("swallowed")

    def one(client: str = Depends(log.client), nothing: None = Depends(swallows)) -> None:
        raise Reject("no such order")

    async def other(client: str = Depends(log.client), nothing: None = Depends(swallows)) -> None:
        one(client, nothing)

    job = await app.task(one if sync else other).enqueue()
    await house.burst(app)

    result = await end_of(job)
    assert not result.success
    assert "no such order" in result.value
    assert result.error is not None
    first_frame = result.error.traceback.splitlines()[1]
    assert f'File "{__file__}"' in first_frame
    assert log.lines == ["client opened", "swallowed", "client saw Reject", "client closed"]


@pytest.mark.parametrize("end", ["timeout", "abort"])
async def test_a_job_that_is_cut_off_lets_go_of_what_it_had(house: House, log: Log, end: str) -> None:
    app = house.app()

    @app.task(timeout=0.05 if end == "timeout" else None, max_retries=0)
    async def hang(session: str = Depends(log.session), client: str = Depends(log.client)) -> None:
        log.lines.append("body")
        await asyncio.Event().wait()

    job = await hang.enqueue()
    async with house.working(app):
        await until(lambda: "body" in log.lines)
        if end == "abort":
            assert await job.abort()
        result = await end_of(job)

    assert (result.success, result.aborted) == (False, end == "abort")
    assert log.lines[-3:] == ["client saw CancelledError", "client closed", "session closed"]


async def test_a_job_that_is_handed_back_lets_go_too(house: House, log: Log) -> None:
    app = house.app()

    @app.task
    async def hang(client: str = Depends(log.client)) -> None:
        log.lines.append("body")
        await asyncio.Event().wait()

    job = await hang.enqueue()
    async with house.working(app):
        await until(lambda: "body" in log.lines)

    assert await house.state(job) is State.QUEUED
    assert log.lines == ["client opened", "body", "client saw CancelledError", "client closed"]


async def test_a_thread_that_is_aborted_lets_go_too(house: House, log: Log) -> None:
    app = house.app()

    @app.task
    def hang(session: str = Depends(log.session), client: str = Depends(log.client)) -> None:
        log.lines.append("body")
        gone_on = threading.Event()
        while not current_task().aborted:
            gone_on.wait(0.005)

    job = await hang.enqueue()
    async with house.working(app):
        await until(lambda: "body" in log.lines)
        assert await job.abort()
        assert (await end_of(job)).aborted

    assert log.lines[-2:] == ["client closed", "session closed"]


async def test_one_that_fails_to_close_fails_the_job_and_keeps_no_other_open(house: House, log: Log) -> None:
    app = house.app(concurrency=1)

    def breaks() -> Iterator[None]:
        yield
        raise OSError("cannot commit")

    @app.task(max_retries=0)
    async def well(client: str = Depends(log.client), broken: None = Depends(breaks)) -> None: ...

    def breaks_always() -> Iterator[None]:
        try:
            yield
        finally:
            raise OSError("cannot roll back")

    @app.task(max_retries=0)
    async def ill(client: str = Depends(log.client), broken: None = Depends(breaks_always)) -> None:
        raise ValueError("the reason")

    jobs = [await well.enqueue(), await ill.enqueue()]
    await house.burst(app)

    first, second = [await end_of(job) for job in jobs]
    assert first.value == "OSError('cannot commit')"
    assert second.value == "ValueError('the reason')"
    assert second.error is not None
    assert "closing dependency" in second.error.traceback
    assert "cannot roll back" in second.error.traceback
    assert log.lines.count("client closed") == 2


async def test_one_that_cannot_be_made_closes_those_before_it(house: House, log: Log) -> None:
    app = house.app()

    async def refuses() -> None:
        raise ConnectionError("nobody there")

    @app.task(max_retries=1, backoff_ms=[0])
    async def never(client: str = Depends(log.client), other: None = Depends(refuses)) -> None:
        log.lines.append("body")

    job = await never.enqueue()
    await house.burst(app)

    result = await end_of(job)
    assert (result.value, result.tries) == ("ConnectionError('nobody there')", 2)
    assert log.lines == ["client opened", "client saw ConnectionError", "client closed"] * 2


async def test_managers_are_sources_too(house: House, log: Log) -> None:
    app = house.app()

    @contextmanager
    def opened() -> Iterator[str]:
        yield "sync"
        log.lines.append("left")

    @asynccontextmanager
    async def opened_on_the_loop() -> AsyncIterator[str]:
        yield "async"
        log.lines.append("left on the loop")

    @app.task
    def look(a: str = Depends(opened), b: str = Depends(opened_on_the_loop)) -> list[str]:
        return [a, b]

    job = await look.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == ["sync", "async"]
    assert log.lines == ["left on the loop", "left"]
