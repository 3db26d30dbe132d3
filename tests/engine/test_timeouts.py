"""Time limits: what they say, whom they cut off, and what a thread that cannot be killed keeps."""

import asyncio
import logging
import threading

import pytest

from ardiq_django import State, current_task
from tests.engine.house import SOON_S, House, end_of, seen, soon, until


async def test_an_attempt_that_takes_too_long_says_so_with_the_number_as_written(house: House) -> None:
    app = house.app()

    @app.task(timeout=0.05, max_retries=0)
    async def sleep() -> None:
        await asyncio.Event().wait()

    async with house.working(app):
        result = await end_of(await sleep.enqueue())

    assert (result.success, result.value) == (False, "timed out after 0.05s")
    assert result.error is not None
    assert (result.error.event, result.error.traceback) == ("timed out", "")


async def test_a_time_limit_is_for_one_attempt(house: House) -> None:
    app = house.app()

    @app.task(timeout=0.05, max_retries=1, backoff_ms=[0])
    async def second_time() -> str:
        if current_task().tries == 1:
            await asyncio.Event().wait()
        return "done"

    async with house.working(app):
        result = await end_of(await second_time.enqueue())

    assert (result.value, result.tries) == ("done", 2)
    assert result.attempts[0].message == "timed out after 0.05s"


async def test_a_bodys_own_timeout_error_keeps_its_text(house: House) -> None:
    app = house.app()

    @app.task(timeout=30, max_retries=0)
    async def upstream() -> None:
        raise TimeoutError("upstream is slow")

    @app.task(timeout=30, max_retries=0)
    async def inner() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    async with house.working(app):
        results = [await end_of(await task.enqueue()) for task in (upstream, inner)]

    assert [result.value for result in results] == ["TimeoutError('upstream is slow')", "TimeoutError()"]


async def test_an_error_raised_because_of_the_cut_is_still_a_timeout(house: House) -> None:
    app = house.app()

    @app.task(timeout=0.05, max_retries=0)
    async def convert() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise ConnectionError("the connection was closed") from error

    async with house.working(app):
        result = await end_of(await convert.enqueue())

    assert result.value == "timed out after 0.05s"


async def test_a_quick_task_is_left_alone_by_its_time_limit(house: House) -> None:
    app = house.app()

    @app.task(timeout=0.05)
    async def quick() -> str:
        return "done"

    @app.task
    async def outlast() -> None:
        await asyncio.sleep(0.1)

    async with house.working(app):
        job = await quick.enqueue()
        await end_of(await outlast.enqueue())

    assert (await end_of(job)).value == "done"


async def test_a_timed_out_thread_keeps_its_slot_and_settles_when_it_ends(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app(concurrency=1)
    entered, let_go = threading.Event(), threading.Event()

    @app.task(timeout=0.05, max_retries=0)
    def stuck() -> str:
        entered.set()
        assert let_go.wait(SOON_S)
        return "too late"

    @app.task
    async def other() -> str:
        return "ran"

    with caplog.at_level(logging.WARNING, "ardiq"):
        async with house.working(app):
            job, behind = await stuck.enqueue(), await other.enqueue()
            await seen(entered)
            await until(lambda: "timed out, thread still busy" in caplog.text)
            assert await house.state(job) is State.RUNNING
            assert await house.state(behind) is State.QUEUED
            let_go.set()
            assert (await end_of(job)).value == "timed out after 0.05s"
            assert (await end_of(behind)).value == "ran"


async def test_a_thread_is_told_that_its_time_is_over(house: House) -> None:
    app = house.app()

    @app.task(timeout=0.05, max_retries=0)
    def polite() -> None:
        told = threading.Event()
        while not current_task().aborted:
            told.wait(0.001)

    async with house.working(app):
        result = await end_of(await polite.enqueue())

    assert result.value == "timed out after 0.05s"


async def test_many_time_limits_that_were_not_needed_are_forgotten(house: House) -> None:
    app = house.app()

    @app.task(timeout=3_600)
    async def quick() -> None: ...

    jobs = await app.enqueue_many(quick.prepare() for _ in range(200))
    async with house.working(app):
        for job in jobs:
            await soon(job.result(SOON_S))
        assert app._worker is not None
        assert len(app._worker._runs._deadlines) < 100
