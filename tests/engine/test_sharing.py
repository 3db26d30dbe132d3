"""Several workers on one queue: every job once, and only the current attempt writes."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ardiq_django import Ardiq, Job, Retry, State, current_task
from ardiq_django.wire import Beat, News
from tests.engine.house import SOON_S, House, end_of, seen, soon, until

LEASE_MS = 30_000
SHORT_LEASE_MS = 1_000  # that passes in truth; no machine stands still for so long


async def test_two_workers_share_a_queue_and_run_every_job_once(house: House) -> None:
    apps = [house.app(worker_id=name, concurrency=4) for name in ("a", "b")]
    runs: Counter[int] = Counter()
    workers: set[str] = set()

    async def count(number: int) -> None:
        runs[number] += 1
        workers.add(current_task().worker_id)
        if len(workers) < 2:
            await asyncio.sleep(0.001)

    for app in apps:
        app.task(count)
    jobs = await apps[0].enqueue_many(apps[0].ref("count").prepare(number) for number in range(100))
    async with house.working(*apps):
        for job in jobs:
            await end_of(job)

    assert runs == dict.fromkeys(range(100), 1)
    assert workers == {"a", "b"}


class Stall:
    """A worker whose loop is blocked by a job, while another worker takes that job over."""

    def __init__(self, house: House, stale_end: str) -> None:
        self.house = house
        self.stale_end = stale_end
        self.entered, self.let_go, self.left = threading.Event(), threading.Event(), threading.Event()
        self.stalled, self.healthy = (self._app(name) for name in ("stalled", "healthy"))

    def _app(self, name: str) -> Ardiq:
        app = self.house.app(worker_id=name, idle_timeout_ms=LEASE_MS)
        app.task(name="work", unique=True, max_retries=0)(self.work)
        return app

    async def work(self) -> str:
        if current_task().worker_id == "healthy":
            return "healthy"
        self.entered.set()
        assert self.let_go.wait(SOON_S)
        self.left.set()
        if self.stale_end == "failure":
            raise ValueError("stale")
        return "stale"

    @asynccontextmanager
    async def taken_over(self) -> AsyncIterator[Job[Any]]:
        """The job is done by the healthy worker, and the stalled one has not noticed; it wakes up after the block."""
        job = await self.healthy.ref("work").enqueue()
        worker = asyncio.create_task(self.house.in_thread(lambda: asyncio.run(self.stalled.run())))
        await seen(self.entered)
        self.house.travel(LEASE_MS + 1_000)
        assert await self.healthy.broker.reap() == 1
        await self.house.burst(self.healthy)
        yield job
        self.stalled.stop()
        self.let_go.set()
        await soon(worker)
        assert self.left.is_set()


@pytest.mark.parametrize("stale_end", ["success", "failure"])
async def test_the_outcome_of_a_worker_that_was_stalled_is_refused(house: House, stale_end: str) -> None:
    stall = Stall(house, stale_end)

    async with stall.taken_over() as job:
        assert (await end_of(job)).value == "healthy"

    result = await end_of(job)
    assert (result.success, result.value, result.tries) == (True, "healthy", 1)
    assert [attempt.event for attempt in result.attempts] == ["crashed"]


async def test_a_stale_attempt_cannot_touch_a_newer_run_of_its_id(house: House) -> None:
    stall = Stall(house, "success")

    async with stall.taken_over() as job:
        again = await stall.healthy.ref("work").enqueue()
        assert (again.id, again.created) == (job.id, True)
    assert await house.state(again) is State.QUEUED
    await house.burst(stall.healthy)

    assert (await end_of(again)).value == "healthy"


async def test_a_fenced_worker_is_told_cancels_and_begins_anew(house: House) -> None:
    app = house.app(idle_timeout_ms=LEASE_MS, worker_id="w")
    cancelled = asyncio.Event()

    @app.task
    async def endless() -> str:
        if cancelled.is_set():
            return "second time"
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return "never"

    async with house.working(app):
        job = await endless.enqueue()
        await house.until_state(job, State.RUNNING)
        (before,) = await app.broker.workers()
        await until(lambda: lease_is_lost(house, app))
        await soon(cancelled.wait())
        result = await end_of(job)
        (after,) = await app.broker.workers()

    assert (result.value, result.tries) == ("second time", 1)
    assert before.card.epoch != after.card.epoch


async def test_a_fenced_thread_is_told(house: House) -> None:
    app = house.app(idle_timeout_ms=LEASE_MS)
    entered, told = threading.Event(), threading.Event()

    @app.task
    def polite() -> None:
        context, pause = current_task(), threading.Event()
        entered.set()
        while not context.aborted:
            pause.wait(0.001)
        told.set()

    await polite.enqueue()
    async with house.working(app):
        await seen(entered)
        await app.broker.pause()
        await until(lambda: lease_is_lost(house, app))
        await seen(told)


async def lease_is_lost(house: House, app: Ardiq) -> bool:
    """Whether the worker was reaped; it may have beaten in between."""
    house.travel(LEASE_MS + 1_000)
    return await app.broker.reap() == 1


async def test_a_job_whose_workers_die_under_it_ends_as_failed(house: House) -> None:
    app = house.app(idle_timeout_ms=LEASE_MS, max_crashes=2)
    runs: list[int] = []

    @app.task
    async def fatal() -> None:
        runs.append(1)
        await asyncio.Event().wait()

    job = await fatal.enqueue()
    async with house.working(app):
        for number in (1, 2):
            await until(lambda: len(runs) == number)  # noqa: B023 (awaited here)
            await until(lambda: lease_is_lost(house, app))
        result = await end_of(job)

    assert (result.success, result.value) == (False, "its worker was lost 2 times while it ran")
    assert [attempt.event for attempt in result.attempts] == ["crashed", "crashed"]


async def test_jobs_of_a_living_worker_are_not_taken_however_long_they_run(house: House) -> None:
    app, other = house.app(idle_timeout_ms=SHORT_LEASE_MS), house.app(idle_timeout_ms=SHORT_LEASE_MS)
    runs: list[int] = []
    let_go = threading.Event()

    def long() -> None:
        runs.append(1)
        assert let_go.wait(SOON_S)

    jobs = await app.enqueue_many([app.task(long).prepare() for _ in range(1)])
    async with house.working(app):
        await until(lambda: len(runs) == 1)
        other.task(long)
        began = (await app.broker.workers())[0].lease_end_ms
        async with house.working(other):

            async def two_leases_later() -> bool:
                return all(row.lease_end_ms > began + 2 * SHORT_LEASE_MS for row in await app.broker.workers())

            await until(two_leases_later)
            let_go.set()
            await end_of(jobs[0])

    assert len(runs) == 1


async def test_a_beat_that_overtakes_a_turn_does_not_cut_the_next_attempt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.worker.heartbeat.NEWS_EVERY_S", 0.05)
    app = house.app()
    first_may_end, second_began, beaten = asyncio.Event(), asyncio.Event(), asyncio.Event()
    beat = app.broker.beat

    async def late_beat(epoch: str, call: int, held: Mapping[str, int], news: News) -> Beat:
        if job.id in held and not beaten.is_set():
            first_may_end.set()
            await soon(second_began.wait())  # what this beat is about to say is old by now
            found = await beat(epoch, call, held, news)
            asyncio.get_running_loop().call_later(0.05, beaten.set)
            return found
        return await beat(epoch, call, held, news)

    @app.task
    async def twice() -> str:
        if current_task().tries == 1:
            await first_may_end.wait()
            raise Retry("once more")
        second_began.set()
        await beaten.wait()
        return "done"

    job = await twice.enqueue()
    monkeypatch.setattr(app.broker, "beat", late_beat)
    async with house.working(app):
        assert (await end_of(job)).value == "done"
