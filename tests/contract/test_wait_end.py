"""Whoever waits for the end of a job is woken by it."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot
from ardiq_django.wire import Delivery, Outcome
from tests.contract.keep import Keep, soon
from tests.contract.makers import cancelled, failure, retrying, success

LONG_S = 30.0  # never waited for


async def end_by_worker(keep: Keep, outcome: Callable[[Delivery], Outcome]) -> None:
    worker = await keep.worker("ender")
    await worker.settle(outcome(await worker.claim_one()))


async def end_by_abort(keep: Keep, job_id: str) -> None:
    await keep.broker.abort([job_id])


async def end_by_expiry(keep: Keep, job_id: str) -> None:
    keep.travel(600_000)
    await keep.broker.sweep()


async def end_by_crash(keep: Keep, job_id: str) -> None:
    for _ in range(keep.rules.max_crashes):
        await (await keep.worker()).claim_one()
        keep.outlast_lease()
        await keep.broker.reap()


ENDS: dict[State, Callable[[Keep, str], Awaitable[None]]] = {
    State.SUCCEEDED: lambda keep, _: end_by_worker(keep, success),
    State.FAILED: lambda keep, _: end_by_worker(keep, failure),
    State.ABORTED: end_by_abort,
    State.EXPIRED: end_by_expiry,
}


async def waiting_for(keep: Keep, job_id: str) -> "asyncio.Task[Snapshot | None]":
    task = asyncio.create_task(keep.second().wait_end(job_id, LONG_S))
    await keep.let_sleep(task)
    return task


@pytest.mark.parametrize("state", ENDS)
async def test_an_end_wakes_who_waits_for_it(keep: Keep, state: State) -> None:
    job = await keep.put(expire_ms=500_000)
    task = await waiting_for(keep, job.id)

    await ENDS[state](keep, job.id)

    snapshot = await soon(task)
    assert snapshot is not None
    assert (snapshot.job.id, snapshot.state) == (job.id, state)
    assert snapshot.end is not None


async def test_a_window_that_closes_unswept_wakes_who_waits(keep: Keep) -> None:
    job = await keep.put(expire_ms=100)

    snapshot = await soon(keep.second().wait_end(job.id, LONG_S))

    assert snapshot is not None
    assert snapshot.state is State.EXPIRED


async def test_an_end_by_crashes_wakes_who_waits_for_it(keep: Keep) -> None:
    job = await keep.put()
    task = await waiting_for(keep, job.id)

    await end_by_crash(keep, job.id)

    snapshot = await soon(task)
    assert snapshot is not None
    assert snapshot.state is State.FAILED


async def test_an_abort_that_was_obeyed_wakes_who_waits_for_it(keep: Keep) -> None:
    worker, delivery = await keep.running()
    task = await waiting_for(keep, delivery.job.id)
    await keep.broker.abort([delivery.job.id])

    await worker.settle(cancelled(delivery))

    snapshot = await soon(task)
    assert snapshot is not None
    assert snapshot.state is State.ABORTED


async def test_an_end_wakes_all_who_wait_for_it(keep: Keep) -> None:
    job = await keep.put()
    tasks = [await waiting_for(keep, job.id) for _ in range(3)]

    await end_by_worker(keep, success)

    for snapshot in await soon(asyncio.gather(*tasks)):
        assert snapshot is not None
        assert snapshot.end is not None
        assert snapshot.end.value == b"\xa2ok"


async def test_another_jobs_end_is_not_waited_for(keep: Keep) -> None:
    await keep.put()
    job = await keep.put(lane="low")
    task = await waiting_for(keep, job.id)

    await end_by_worker(keep, success)

    await keep.let_sleep(task)
    task.cancel()
    assert await keep.state(job.id) is State.QUEUED


async def test_a_retry_is_not_an_end(keep: Keep) -> None:
    worker, delivery = await keep.running()
    task = await waiting_for(keep, delivery.job.id)
    await worker.settle(retrying(delivery))
    await keep.let_sleep(task)

    await worker.settle(success(await worker.claim_one()))

    snapshot = await soon(task)
    assert snapshot is not None
    assert (snapshot.state, snapshot.tries) == (State.SUCCEEDED, 2)


async def test_an_end_that_was_before_is_there_at_once(keep: Keep) -> None:
    job = await keep.put()
    await end_by_worker(keep, success)

    snapshot = await soon(keep.second().wait_end(job.id, LONG_S))

    assert snapshot is not None
    assert snapshot.state is State.SUCCEEDED


async def test_what_has_not_ended_in_time_is_a_timeout(keep: Keep) -> None:
    job = await keep.put()

    with pytest.raises(TimeoutError):
        await soon(keep.broker.wait_end(job.id, 0.02))
    with pytest.raises(TimeoutError):
        await soon(keep.broker.wait_end("never-enqueued", 0.02))

    assert await keep.state(job.id) is State.QUEUED


async def test_a_job_that_is_yet_to_be_enqueued_can_be_waited_for(keep: Keep) -> None:
    job = keep.job()
    task = await waiting_for(keep, job.id)

    await keep.broker.enqueue([job])
    await keep.let_sleep(task)
    await end_by_worker(keep, failure)

    snapshot = await soon(task)
    assert snapshot is not None
    assert snapshot.state is State.FAILED
