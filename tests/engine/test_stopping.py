"""How a worker ends: by itself in burst, drained, at once, or cancelled from outside. None of it costs an attempt."""

import asyncio
import threading
from typing import Any

import pytest

from ardiq_django import Job, State, current_task
from tests.engine.house import SOON_S, House, end_of, soon, until

LEASE_MS = 1_000


async def test_burst_ends_when_nothing_is_left_and_leaves_what_is_not_due(house: House) -> None:
    app = house.app(poll_block_ms=500)

    @app.task(max_retries=1, backoff_ms=[60_000])
    async def fail() -> None:
        raise ValueError("no")

    @app.task
    async def grow(more: int) -> None:
        if more:
            await grow.enqueue(more - 1)

    soon_due = await grow.options(delay_ms=100).enqueue(0)
    retried, later = await fail.enqueue(), await grow.options(delay_ms=60_000).enqueue(0)
    await grow.enqueue(3)
    await house.burst(app)

    assert await house.state(soon_due) is State.SUCCEEDED
    assert await house.state(retried) is State.RETRYING
    assert await house.state(later) is State.SCHEDULED
    assert await app.queue_size() == 2


async def test_burst_waits_for_a_retry_that_is_due_at_once(house: House) -> None:
    app = house.app()

    @app.task(max_retries=3, backoff_ms=[1])
    async def fail() -> None:
        if current_task().tries < 3:
            raise ValueError("no")

    job = await fail.enqueue()
    await house.burst(app)

    assert (await end_of(job)).tries == 3


async def test_burst_on_an_empty_or_paused_queue_ends_at_once(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    await house.burst(app)
    await note.enqueue()
    await app.broker.pause()
    await house.burst(app)

    assert await app.queue_size() == 1


async def test_an_app_runs_again_after_it_stopped_but_not_twice_at_once(house: House) -> None:
    app = house.app()

    @app.task
    async def add(a: int) -> int:
        return a + 1

    for number in range(3):
        async with house.working(app):
            assert (await end_of(await add.enqueue(number))).value == number + 1
            with pytest.raises(RuntimeError, match="is running already"):
                await app.run()
    assert await app.broker.workers() == []


async def test_a_stop_finishes_what_runs_and_claims_nothing_more(house: House) -> None:
    app = house.app(concurrency=2)
    let_go, in_thread = asyncio.Event(), threading.Event()

    @app.task
    async def hold() -> str:
        await let_go.wait()
        return "finished"

    @app.task
    def hold_in_a_thread() -> str:
        assert in_thread.wait(SOON_S)
        return "finished"

    running: list[Job[Any]] = [await hold.enqueue(), await hold_in_a_thread.enqueue()]
    waiting = await hold.enqueue()
    worker = asyncio.create_task(app.run())
    for job in running:
        await house.until_state(job, State.RUNNING)
    app.stop()
    let_go.set()
    in_thread.set()
    await soon(worker)

    assert [(await end_of(job)).value for job in running] == ["finished"] * 2
    assert await house.state(waiting) is State.QUEUED


async def test_a_draining_worker_keeps_its_lease(house: House) -> None:
    app, other = house.app(idle_timeout_ms=LEASE_MS, worker_id="draining"), house.app(idle_timeout_ms=LEASE_MS)
    runs: list[int] = []
    let_go = asyncio.Event()

    async def hold() -> None:
        runs.append(1)
        await let_go.wait()

    async def lease_end() -> int:
        return next(row.lease_end_ms for row in await app.broker.workers() if row.card.worker_id == app.worker_id)

    async def renewed_for_two_leases() -> bool:
        return await lease_end() > began + 2 * LEASE_MS

    job = await app.task(hold).enqueue()
    other.task(hold)
    draining = asyncio.create_task(app.run())
    await house.until_state(job, State.RUNNING)
    app.stop()
    async with house.working(other):
        began = await lease_end()
        await until(renewed_for_two_leases)
        let_go.set()
        await soon(draining)

    assert (await end_of(job)).success
    assert runs == [1]


async def test_a_stop_hands_back_what_takes_longer_than_its_timeout(house: House) -> None:
    app = house.app(shutdown_timeout_s=0.05)
    cancelled = asyncio.Event()

    @app.task(max_retries=0)
    async def endless() -> int:
        if not cancelled.is_set():
            try:
                await asyncio.Event().wait()
            finally:
                cancelled.set()
        return current_task().tries

    job = await endless.enqueue()
    worker = asyncio.create_task(app.run())
    await house.until_state(job, State.RUNNING)
    app.stop()
    await soon(worker)

    assert cancelled.is_set()
    assert await house.state(job) is State.QUEUED
    await house.burst(app)
    result = await end_of(job)
    assert (result.success, result.value, result.tries, result.attempts) == (True, 1, 1, ())


async def test_stopping_now_hands_back_at_once_in_order(house: House) -> None:
    app = house.app(shutdown_timeout_s=600)
    order: list[int] = []
    first_time = True

    @app.task
    async def note(number: int) -> None:
        if first_time:
            await asyncio.Event().wait()
        order.append(number)

    jobs = await app.enqueue_many(note.prepare(number) for number in range(20))
    worker = asyncio.create_task(app.run())
    await house.until_state(jobs[15], State.RUNNING)
    app.stop()
    app.stop(now=True)
    await soon(worker)
    assert [await house.state(job) for job in jobs] == [State.QUEUED] * 20

    first_time = False
    app.override(concurrency=1)
    await house.burst(app)
    assert order == list(range(20))


async def test_a_cancelled_worker_hands_its_jobs_back_and_does_not_abort_them(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def endless() -> str:
        if current_task().requeues == 0 and not mended.is_set():
            await asyncio.Event().wait()
        return "ran"

    mended = asyncio.Event()
    jobs = await app.enqueue_many(endless.prepare() for _ in range(6))
    worker = asyncio.create_task(app.run())
    await house.until_state(jobs[-1], State.RUNNING)
    worker.cancel()
    with pytest.raises(asyncio.CancelledError):
        await soon(worker)
    assert [await house.state(job) for job in jobs] == [State.QUEUED] * 6

    mended.set()
    await house.burst(app)
    results = [await end_of(job) for job in jobs]
    assert [(result.value, result.tries, result.attempts) for result in results] == [("ran", 1, ())] * 6


async def test_a_loop_that_is_torn_down_hands_its_jobs_back(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def endless() -> None:
        entered.set()
        await asyncio.Event().wait()

    entered = threading.Event()
    job = await endless.enqueue()

    async def embedded() -> None:
        worker = asyncio.create_task(app.run())
        await asyncio.to_thread(entered.wait, SOON_S)
        assert not worker.done()  # and leave, without a word to the worker

    await house.in_thread(lambda: asyncio.run(embedded()))

    assert await house.state(job) is State.QUEUED
    snapshot = await app.broker.get(job.id)
    assert snapshot is not None
    assert (snapshot.tries, snapshot.crashes) == (0, 0)


async def test_a_worker_leaves_no_tasks_and_no_threads_behind(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardiq_django.worker.runs.THREAD_GRACE_S", 0.1)
    app = house.app()
    threads: list[threading.Thread] = []
    let_go = threading.Event()

    @app.task
    def quick() -> None:
        threads.append(threading.current_thread())

    @app.task
    def stuck() -> None:
        threads.append(threading.current_thread())
        assert let_go.wait(SOON_S)

    before = asyncio.all_tasks()
    async with house.working(app):
        await end_of(await quick.enqueue())
        await stuck.enqueue()
        await until(lambda: len(threads) == 2)
    let_go.set()

    assert asyncio.all_tasks() == before
    await until(lambda: not any(thread.is_alive() for thread in threads))
