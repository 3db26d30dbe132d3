"""A worker's lease covers all it holds; when it is over, nothing is lost and the crash is counted."""

import pytest

from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from ardiq_django.wire import Answer, Exchange, News
from tests.contract.keep import LEASE_MS, Keep, ids
from tests.contract.makers import retrying, success

MOST_OF_IT_MS = LEASE_MS * 2 // 3


async def crash(keep: Keep, name: str = "a") -> int:
    """A worker claims all it can get, and is never heard of again."""
    worker = await keep.worker(name)
    await worker.claim(10)
    keep.outlast_lease()
    return await keep.broker.reap()


async def test_an_unknown_epoch_has_no_lease(keep: Keep) -> None:
    job = await keep.put()

    with pytest.raises(LeaseLost):
        await keep.broker.exchange(Exchange("never-registered", 1, want=1, lanes=("default",)))
    with pytest.raises(LeaseLost):
        await keep.broker.beat("never-registered", 0, {}, News())
    with pytest.raises(LeaseLost):
        await keep.broker.renew("never-registered")
    assert await keep.broker.workers() == []

    assert await keep.state(job.id) is State.QUEUED


async def test_a_reaped_epoch_can_neither_exchange_nor_beat_nor_renew(keep: Keep) -> None:
    worker, delivery = await keep.running()
    other = await keep.put()
    keep.outlast_lease()
    await keep.broker.reap()

    with pytest.raises(LeaseLost):
        await worker.exchange(success(delivery), want=1)
    with pytest.raises(LeaseLost):
        await worker.beat()
    with pytest.raises(LeaseLost):
        await keep.broker.renew(worker.epoch)

    assert [await keep.state(job_id) for job_id in (delivery.job.id, other.id)] == [State.QUEUED] * 2


async def test_nothing_is_taken_back_within_the_lease(keep: Keep) -> None:
    _, delivery = await keep.running()
    keep.travel(MOST_OF_IT_MS)

    taken = await keep.broker.reap()

    assert taken == 0
    assert await keep.state(delivery.job.id) is State.RUNNING


async def test_an_exchange_renews_the_lease(keep: Keep) -> None:
    worker, delivery = await keep.running()
    keep.travel(MOST_OF_IT_MS)
    await worker.exchange()
    keep.travel(MOST_OF_IT_MS)

    taken = await keep.broker.reap()

    assert taken == 0
    assert await keep.state(delivery.job.id) is State.RUNNING


async def test_a_beat_renews_the_lease(keep: Keep) -> None:
    worker, delivery = await keep.running()
    keep.travel(MOST_OF_IT_MS)
    await worker.beat()
    keep.travel(MOST_OF_IT_MS)

    taken = await keep.second().reap()

    assert taken == 0
    assert await keep.state(delivery.job.id) is State.RUNNING


async def test_a_lease_is_renewed_by_itself_and_nothing_else_changes(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.beat(News(starts={delivery.job.id: 7}))
    waiting = await keep.put()
    keep.travel(MOST_OF_IT_MS)
    await keep.broker.renew(worker.epoch)
    keep.travel(MOST_OF_IT_MS)

    taken = await keep.second().reap()
    (row,) = await keep.broker.workers()

    assert taken == 0
    assert row.news == News(starts={delivery.job.id: 7})
    assert [await keep.state(job_id) for job_id in (delivery.job.id, waiting.id)] == [State.RUNNING, State.QUEUED]
    assert await worker.settle(success(delivery)) == [Answer.DONE]


async def test_a_lease_that_is_over_but_not_reaped_is_renewed_by_itself(keep: Keep) -> None:
    worker, _ = await keep.running()
    keep.outlast_lease()
    await keep.broker.renew(worker.epoch)

    assert await keep.broker.reap() == 0


async def test_a_worker_that_is_late_but_not_reaped_goes_on(keep: Keep) -> None:
    worker, delivery = await keep.running()
    keep.outlast_lease()
    await worker.beat()

    taken = await keep.broker.reap()

    assert taken == 0
    assert (await keep.get(delivery.job.id)).crashes == 0


async def test_what_a_dead_worker_held_is_queued_again_with_a_crash(keep: Keep) -> None:
    jobs = await keep.put_many(3)

    taken = await crash(keep)

    snapshots = [await keep.get(job.id) for job in jobs]
    assert taken == 3
    assert [(s.state, s.crashes, s.tries, s.worker) for s in snapshots] == [(State.QUEUED, 1, 0, "")] * 3


async def test_another_process_may_reap(keep: Keep) -> None:
    _, delivery = await keep.running()
    keep.outlast_lease()

    taken = await keep.second().reap(), await keep.broker.reap()

    assert taken == (1, 0)
    assert (await keep.get(delivery.job.id)).crashes == 1


async def test_only_the_dead_are_reaped(keep: Keep) -> None:
    anna, delivery = await keep.running("anna")
    lost = await keep.put()
    bert = await keep.worker("bert")
    await bert.claim_one()
    keep.outlast_lease()
    await anna.beat()

    taken = await keep.broker.reap()

    assert taken == 1
    assert (await keep.get(delivery.job.id)).worker == "anna"
    assert await keep.state(lost.id) is State.QUEUED
    assert [row.card.worker_id for row in await keep.broker.workers()] == ["anna"]


async def test_a_crash_is_remembered_as_an_attempt(keep: Keep) -> None:
    worker, delivery = await keep.running("anna")
    started_ms = keep.now_ms - 2_000
    await worker.beat(News(starts={delivery.job.id: started_ms}))
    keep.outlast_lease()
    await keep.broker.reap()

    (attempt,) = (await keep.get(delivery.job.id)).attempts

    assert (attempt.number, attempt.event, attempt.worker, attempt.error_type) == (1, "crashed", "anna", "WorkerLost")
    assert attempt.start_ms == started_ms
    assert abs(attempt.finish_ms - keep.now_ms) < 2_000
    assert attempt.message


async def test_a_job_taken_back_goes_before_the_others(keep: Keep) -> None:
    first = await keep.put()
    await crash(keep)
    others = await keep.put_many(2)
    worker = await keep.worker("b")

    (delivery,) = await worker.claim(1)
    after = (await worker.exchange(success(delivery), want=5)).deliveries

    assert (delivery.job.id, delivery.crashes, delivery.tries) == (first.id, 1, 1)
    assert len(delivery.history) == 1
    assert ids(after) == [job.id for job in others]


async def test_a_job_that_kills_its_workers_fails_at_the_limit(keep: Keep) -> None:
    job = await keep.put()
    await crash(keep, "anna")
    await crash(keep, "bert")
    state_before = await keep.state(job.id)

    taken = await crash(keep, "carl")

    snapshot = await keep.get(job.id)
    end = snapshot.end
    assert (state_before, taken) == (State.QUEUED, 1)
    assert end is not None
    assert (snapshot.state, end.state, end.crashes, end.tries, end.claim) == (State.FAILED, State.FAILED, 3, 0, "")
    assert "3" in end.reason
    assert end.ttl_ms == keep.rules.result_ttl_ms
    assert abs(end.finish_ms - keep.now_ms) < 2_000
    assert [attempt.worker for attempt in snapshot.attempts] == ["anna", "bert", "carl"]
    assert await (await keep.worker()).claim(5) == []


async def test_the_limit_of_crashes_is_the_queues(keep: Keep) -> None:
    keep.ruled(max_crashes=1)
    job = await keep.put()

    await crash(keep)

    assert await keep.state(job.id) is State.FAILED


async def test_leaving_hands_back_without_a_crash(keep: Keep) -> None:
    jobs = await keep.put_many(4)
    anna, bert = await keep.worker("anna"), await keep.worker("bert")
    await anna.claim(3)

    await anna.leave()

    deliveries = await bert.claim(9)
    assert ids(deliveries) == [job.id for job in jobs]
    assert [(d.tries, d.crashes, list(d.history)) for d in deliveries] == [(1, 0, [])] * 4


async def test_what_is_handed_back_keeps_the_order_it_was_handed_out_in(keep: Keep) -> None:
    jobs = await keep.put_many(3)
    worker = await keep.worker()
    first = await worker.claim_one()
    held = list((await worker.exchange(retrying(first), want=1)).deliveries) + await worker.claim(2)
    assert ids(held) == [jobs[1].id, jobs[2].id, jobs[0].id]

    await worker.leave()

    assert ids(await (await keep.worker()).claim(5)) == ids(held)


async def test_who_left_has_no_lease_and_is_not_listed(keep: Keep) -> None:
    worker, delivery = await keep.running()

    await worker.leave()

    with pytest.raises(LeaseLost):
        await worker.exchange(success(delivery))
    assert await keep.broker.workers() == []
    assert await keep.state(delivery.job.id) is State.QUEUED


async def test_leaving_twice_is_leaving(keep: Keep) -> None:
    anna, delivery = await keep.running("anna")
    await anna.leave()
    bert = await keep.worker("bert")
    await bert.claim_one()

    await anna.leave()

    assert (await keep.get(delivery.job.id)).worker == "bert"


async def test_a_worker_that_holds_nothing_is_reaped_too(keep: Keep) -> None:
    await keep.worker()
    keep.outlast_lease()

    taken = await keep.broker.reap()

    assert taken == 0
    assert await keep.broker.workers() == []


async def test_a_worker_begins_anew_after_it_was_reaped(keep: Keep) -> None:
    job = await keep.put()
    await crash(keep, "anna")
    reborn = await keep.worker("anna")

    delivery = await reborn.claim_one()
    await reborn.settle(success(delivery))

    end = (await keep.get(job.id)).end
    assert end is not None
    assert (end.state, end.crashes, end.tries) == (State.SUCCEEDED, 1, 1)
