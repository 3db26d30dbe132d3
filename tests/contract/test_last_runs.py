"""The last runs of a task."""

import asyncio

from ardiq_django.results import State
from tests.contract.keep import Keep, Worker
from tests.contract.makers import cancelled, failure, retrying, success


async def _run(keep: Keep, worker: Worker, task: str, kind: object = success) -> str:
    await keep.put(task=task)
    delivery = await worker.claim_one()
    await worker.settle(kind(delivery))  # type: ignore[operator]
    await asyncio.sleep(0.002)  # so that each ends at a millisecond of its own
    return delivery.job.id


async def test_the_last_runs_of_a_task_are_told_newest_first(keep: Keep) -> None:
    worker = await keep.worker()
    ids = [await _run(keep, worker, "t", kind) for kind in (success, failure, cancelled, success)]
    await _run(keep, worker, "other")

    runs = await keep.broker.last_runs("t", 60)

    assert [one.job_id for one in runs] == ids[::-1]
    assert [one.state for one in runs] == [State.SUCCEEDED, State.ABORTED, State.FAILED, State.SUCCEEDED]
    assert all(one.finish_ms - one.start_ms == 5 for one in runs)


async def test_no_more_are_told_than_are_asked_for(keep: Keep) -> None:
    worker = await keep.worker()
    ids = [await _run(keep, worker, "t") for _ in range(4)]

    assert [one.job_id for one in await keep.broker.last_runs("t", 3)] == ids[:0:-1]
    assert await keep.broker.last_runs("nobody", 3) == []


async def test_what_no_attempt_ended_is_no_run(keep: Keep) -> None:
    worker = await keep.worker()
    waiting = await keep.put(task="t", delay_ms=60_000)
    await keep.broker.abort([waiting.id])
    await keep.put(task="t")
    await worker.settle(retrying(await worker.claim_one(), 60_000))

    assert await keep.broker.last_runs("t", 60) == []
