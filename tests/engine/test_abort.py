"""Abort: wherever the job is, and told apart from everything else that ends one."""

import asyncio
import threading
from typing import Any

import pytest

from ardiq_django import Job, State, current_task
from tests.engine.house import SOON_S, House, end_of, seen, soon


async def test_a_waiting_job_is_aborted_at_once_and_never_runs(house: House) -> None:
    app = house.app()
    runs: list[str] = []

    @app.task
    async def note(name: str) -> None:
        runs.append(name)

    queued = await note.enqueue("queued")
    scheduled = await note.options(delay_ms=100).enqueue("scheduled")
    await note.enqueue("kept")
    for job in (queued, scheduled):
        assert await job.abort()
        result = await job.result()
        assert result is not None
        assert (result.success, result.aborted, result.value) == (False, True, "aborted before it started")
    house.travel(1_000)
    await house.burst(app)

    assert runs == ["kept"]
    assert await app.queue_size() == 0


async def test_a_job_that_waits_for_its_retry_is_aborted(house: House) -> None:
    app = house.app()

    @app.task(backoff_ms=[60_000])
    async def fail() -> None:
        raise ValueError("no")

    job = await fail.enqueue()
    await house.burst(app)
    assert await house.state(job) is State.RETRYING
    assert await job.abort()

    result = await end_of(job)
    assert (result.aborted, result.tries) == (True, 1)
    assert [attempt.message for attempt in result.attempts] == ["no"]


async def test_a_running_coroutine_is_cancelled(house: House) -> None:
    app, elsewhere = house.app(), house.app()
    entered, cancelled = asyncio.Event(), asyncio.Event()

    @app.task
    async def endless() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        finally:
            assert current_task().aborted
            cancelled.set()

    async with house.working(app):
        job = await endless.enqueue()
        await soon(entered.wait())
        assert await elsewhere.abort(job.id)
        await soon(cancelled.wait())
        result = await end_of(job)

    assert (result.success, result.aborted, result.tries) == (False, True, 1)
    assert result.value == "aborted while it ran"


async def test_an_abort_is_heard_at_once_and_not_with_the_next_beat(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.worker.heartbeat.NEWS_EVERY_S", SOON_S * 10)
    app = house.app(idle_timeout_ms=600_000, poll_block_ms=600_000)
    entered = asyncio.Event()

    @app.task
    async def endless() -> None:
        entered.set()
        await asyncio.Event().wait()

    async with house.working(app):
        job = await endless.enqueue()
        await soon(entered.wait())
        assert await job.abort()
        assert (await end_of(job)).aborted


async def test_burst_workers_hear_aborts_too(house: House) -> None:
    app = house.app(burst=True)
    entered = asyncio.Event()

    @app.task
    async def endless() -> None:
        entered.set()
        await asyncio.Event().wait()

    job = await endless.enqueue()
    worker = asyncio.create_task(app.run())
    await soon(entered.wait())
    assert await job.abort()
    await soon(worker)

    assert (await end_of(job)).aborted


async def test_a_thread_is_told_and_may_end_early(house: House) -> None:
    app = house.app()
    entered = threading.Event()

    @app.task
    def polite() -> str:
        context, pause = current_task(), threading.Event()
        entered.set()
        while not context.aborted:
            pause.wait(0.001)
        return "went early"

    async with house.working(app):
        job = await polite.enqueue()
        await seen(entered)
        assert await job.abort()
        result = await end_of(job)

    assert result.aborted


async def test_an_aborted_attempt_is_not_tried_again(house: House) -> None:
    app = house.app()
    entered = asyncio.Event()

    @app.task(max_retries=5, backoff_ms=[0], retry_on=(BaseException,))
    async def stubborn() -> None:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError as error:
            raise RuntimeError("translated") from error

    async with house.working(app):
        job = await stubborn.enqueue()
        await soon(entered.wait())
        assert await job.abort()
        result = await end_of(job)

    assert (result.aborted, result.tries) == (True, 1)


async def test_a_body_that_finishes_its_work_despite_the_abort_has_succeeded(house: House) -> None:
    app = house.app()
    entered = asyncio.Event()

    @app.task
    async def careful() -> str:
        entered.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "finished all the same"
        return "never"

    async with house.working(app):
        job = await careful.enqueue()
        await soon(entered.wait())
        assert await job.abort()
        result = await end_of(job)

    assert (result.success, result.value) == (True, "finished all the same")


async def test_a_finished_job_cannot_be_aborted(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> int:
        return 1

    job = await note.enqueue()
    await house.burst(app)

    assert await job.abort() is False
    assert (await end_of(job)).success


async def test_no_end_is_changed_by_an_abort(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def fail() -> None:
        raise ValueError("no")

    failed, aborted, expired = await fail.enqueue(), await fail.enqueue(), await fail.options(expire_ms=1).enqueue()
    assert await aborted.abort()
    house.travel(1_000)
    assert await expired.abort() is False
    await house.burst(app)
    before = [await end_of(job) for job in (failed, aborted, expired)]

    assert [await job.abort() for job in (failed, aborted, expired)] == [False] * 3
    assert [result.state for result in before] == [State.FAILED, State.ABORTED, State.EXPIRED]
    assert [await job.result() for job in (failed, aborted, expired)] == before
    assert await app.abort("nobody") is False


async def test_a_job_behind_a_long_backlog_is_aborted_at_once(house: House) -> None:
    app = house.app()
    runs: list[int] = []

    @app.task
    async def note(number: int) -> None:
        runs.append(number)

    jobs = await app.enqueue_many(note.prepare(number) for number in range(500))
    assert await jobs[-1].abort()
    assert (await end_of(jobs[-1])).aborted
    assert await app.queue_size() == 499
    await house.burst(app)

    assert sorted(runs) == list(range(499))


async def test_an_aborted_job_can_be_run_again(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> int:
        return 1

    job = await note.enqueue()
    assert await job.abort()
    assert await job.retry()
    await house.burst(app)

    assert (await end_of(job)).value == 1


async def test_aborts_that_race_with_the_start_leave_every_slot_free(house: House) -> None:
    app = house.app(concurrency=2)

    @app.task
    async def brief() -> None:
        await asyncio.sleep(0.001)

    @app.task
    def brief_in_a_thread() -> None: ...

    async with house.working(app):
        for _ in range(10):
            jobs: list[Job[Any]] = [await brief.enqueue(), await brief_in_a_thread.enqueue()]
            await asyncio.gather(*(job.abort() for job in jobs))
            for job in jobs:
                await end_of(job)
        assert (await end_of(await brief.enqueue())).success
        assert (await end_of(await brief_in_a_thread.enqueue())).success
