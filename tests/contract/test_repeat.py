"""A reply that was lost: the same call again is answered as the first time and changes nothing."""

import pytest

from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from ardiq_django.wire import Answer
from tests.contract.keep import Keep, ids
from tests.contract.makers import failure, released, requeued, retrying, success


async def test_a_repeated_claim_hands_out_the_same_jobs(keep: Keep) -> None:
    await keep.put_many(5)
    worker = await keep.worker()
    first = await worker.exchange(want=3)

    again = await worker.repeat()

    assert ids(again.deliveries) == ids(first.deliveries)
    assert {delivery.claim for delivery in again.deliveries} == {worker.call}
    assert (await keep.broker.counts())[State.QUEUED] == 2


async def test_a_repeated_claim_of_nothing_stays_nothing(keep: Keep) -> None:
    worker = await keep.worker()
    await worker.exchange(want=3)
    job = await keep.put()

    again = await worker.repeat()

    assert list(again.deliveries) == []
    assert await keep.state(job.id) is State.QUEUED


async def test_repeated_outcomes_are_answered_as_the_first_time(keep: Keep) -> None:
    await keep.put_many(4)
    worker = await keep.worker()
    a, b, c, d = await worker.claim(4)
    await worker.settle(success(b), success(c))
    await keep.broker.delete([c.job.id])
    first = await worker.exchange(success(a), failure(b), success(c), retrying(d, 60_000))

    again = await worker.repeat()

    assert list(first.answers) == [Answer.DONE, Answer.STALE, Answer.GONE, Answer.DONE]
    assert list(again.answers) == list(first.answers)
    assert (await keep.get(d.job.id)).tries == 1


async def test_outcomes_and_claims_are_repeated_together(keep: Keep) -> None:
    await keep.put_many(3)
    worker = await keep.worker()
    done = await worker.claim_one()
    first = await worker.exchange(success(done), want=1)

    again = await worker.repeat()

    assert list(again.answers) == [Answer.DONE]
    assert ids(again.deliveries) == ids(first.deliveries)
    counts = await keep.broker.counts()
    assert (counts[State.SUCCEEDED], counts[State.RUNNING], counts[State.QUEUED]) == (1, 1, 1)


async def test_a_repeated_turn_of_nothing_is_nothing(keep: Keep) -> None:
    worker = await keep.worker()
    await worker.exchange()

    again = await worker.repeat()

    assert (list(again.answers), list(again.deliveries)) == ([], [])


async def test_a_job_released_and_claimed_in_one_turn_is_repeated_as_claimed(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.exchange(released(delivery), want=1)

    again = await worker.repeat()

    assert list(again.answers) == [Answer.DONE]
    assert ids(again.deliveries) == [delivery.job.id]
    assert await worker.settle(success(again.deliveries[0])) == [Answer.DONE]


async def test_a_repeated_retry_spends_one_attempt(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.exchange(retrying(delivery), want=1)

    (again,) = (await worker.repeat()).deliveries

    assert again.tries == 2
    assert len(again.history) == 1


async def test_a_repeated_requeue_is_counted_once(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.exchange(requeued(delivery), want=1)

    (again,) = (await worker.repeat()).deliveries

    assert again.requeues == 1


async def test_a_delivery_repeated_carries_its_history(keep: Keep) -> None:
    worker, delivery = await keep.running()
    outcome = retrying(delivery)
    await worker.settle(outcome)
    await worker.exchange(want=1)

    (again,) = (await worker.repeat()).deliveries

    assert (again.tries, list(again.history)) == (2, [outcome.attempt])
    assert again.job.task == delivery.job.task


async def test_repeated_on_another_connection_it_is_the_same_call(keep: Keep) -> None:
    await keep.put_many(4)
    worker = await keep.worker()
    first = await worker.exchange(want=2)
    worker.broker = keep.second()

    again = await worker.repeat()

    assert ids(again.deliveries) == ids(first.deliveries)


async def test_a_call_repeated_while_paused_is_answered_as_before(keep: Keep) -> None:
    await keep.put()
    worker = await keep.worker()
    first = await worker.exchange(want=1)
    await keep.broker.pause()

    again = await worker.repeat()

    assert ids(again.deliveries) == ids(first.deliveries)


async def test_registering_again_does_not_begin_the_calls_anew(keep: Keep) -> None:
    await keep.put_many(2)
    worker = await keep.worker()
    first = await worker.exchange(want=1)
    await keep.broker.register(worker.card)

    again = await worker.repeat()

    assert ids(again.deliveries) == ids(first.deliveries)
    assert (await keep.broker.counts())[State.QUEUED] == 1


async def test_a_call_that_arrives_after_a_later_one_changes_nothing(keep: Keep) -> None:
    await keep.put_many(3)
    worker = await keep.worker()
    (delivery,) = await worker.claim(1)
    await worker.exchange(retrying(delivery, 60_000), want=1)
    late = worker._last
    await worker.exchange(want=0)
    before = await keep.broker.counts()

    await keep.broker.exchange(late)

    assert await keep.broker.counts() == before
    assert (await keep.get(delivery.job.id)).tries == 1


async def test_a_call_repeated_after_the_worker_was_reaped_is_refused(keep: Keep) -> None:
    await keep.put()
    worker = await keep.worker()
    await worker.exchange(want=1)
    keep.outlast_lease()
    await keep.broker.reap()

    with pytest.raises(LeaseLost):
        await worker.repeat()
