"""Who knows that a worker's process is gone has its jobs back at once, with the crash counted."""

import pytest

from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from tests.contract.keep import Keep, ids
from tests.contract.makers import success


async def kill(keep: Keep, name: str = "a") -> int:
    """A worker claims all it can get, and its process ends; its lease is as good as new."""
    worker = await keep.worker(name)
    await worker.claim(10)
    return await keep.broker.reap([worker.epoch])


async def test_what_the_dead_held_is_queued_again_with_a_crash(keep: Keep) -> None:
    jobs = await keep.put_many(3)

    taken = await kill(keep, "anna")

    snapshots = [await keep.get(job.id) for job in jobs]
    assert taken == 3
    assert [(s.state, s.crashes, s.tries, s.worker) for s in snapshots] == [(State.QUEUED, 1, 0, "")] * 3
    assert [[(a.event, a.worker, a.error_type) for a in s.attempts] for s in snapshots] == [
        [("crashed", "anna", "WorkerLost")]
    ] * 3
    assert await keep.broker.workers() == []


async def test_it_goes_before_the_others(keep: Keep) -> None:
    first = await keep.put()
    await kill(keep)
    others = await keep.put_many(2)
    worker = await keep.worker()

    alone = await worker.claim_one()
    after = (await worker.exchange(success(alone), want=5)).deliveries

    assert (alone.job.id, alone.crashes) == (first.id, 1)
    assert ids(after) == [job.id for job in others]


async def test_a_job_that_kills_its_processes_fails_at_the_limit(keep: Keep) -> None:
    job = await keep.put()

    taken = [await kill(keep) for _ in range(4)]

    end = (await keep.get(job.id)).end
    assert taken == [1, 1, 1, 0]
    assert end is not None
    assert (end.state, end.crashes, end.tries) == (State.FAILED, 3, 0)


async def test_the_dead_can_neither_exchange_nor_beat(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await keep.broker.reap([worker.epoch])

    with pytest.raises(LeaseLost):
        await worker.exchange(success(delivery), want=1)
    with pytest.raises(LeaseLost):
        await worker.beat()

    assert await keep.state(delivery.job.id) is State.QUEUED


async def test_the_others_keep_what_they_hold(keep: Keep) -> None:
    anna, kept = await keep.running("anna")
    bert, lost = await keep.running("bert")

    taken = await keep.second().reap([bert.epoch])

    assert taken == 1
    assert (await keep.get(kept.job.id)).worker == "anna"
    assert await keep.state(lost.job.id) is State.QUEUED
    assert [row.card.epoch for row in await keep.broker.workers()] == [anna.epoch]


async def test_who_is_late_is_left_to_those_who_judge_by_leases(keep: Keep) -> None:
    anna, kept = await keep.running("anna")
    bert, _ = await keep.running("bert")
    keep.outlast_lease()

    taken = await keep.broker.reap([bert.epoch])

    assert taken == 1
    await anna.beat()
    assert (await keep.get(kept.job.id)).crashes == 0


async def test_several_are_taken_at_once(keep: Keep) -> None:
    dead = [await keep.running(name) for name in ("anna", "bert")]

    taken = await keep.broker.reap({worker.epoch for worker, _ in dead})

    assert taken == 2
    assert [await keep.state(delivery.job.id) for _, delivery in dead] == [State.QUEUED] * 2


async def test_an_unknown_epoch_changes_nothing(keep: Keep) -> None:
    worker, delivery = await keep.running()

    taken = await keep.broker.reap(["never-registered"])

    assert taken == 0
    await worker.beat()
    assert await keep.state(delivery.job.id) is State.RUNNING


async def test_the_dead_die_once(keep: Keep) -> None:
    worker, delivery = await keep.running()

    taken = [await broker.reap([worker.epoch]) for broker in (keep.broker, keep.second(), keep.broker)]

    assert taken == [1, 0, 0]
    assert (await keep.get(delivery.job.id)).crashes == 1


async def test_whom_the_lease_has_ended_is_not_taken_back_again(keep: Keep) -> None:
    worker, delivery = await keep.running()
    keep.outlast_lease()
    await keep.broker.reap()
    other = await keep.worker("other")
    await other.claim_one()

    taken = await keep.broker.reap([worker.epoch])

    assert taken == 0
    assert (await keep.get(delivery.job.id)).worker == "other"
