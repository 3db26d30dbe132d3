"""How a running job ends or goes on, and whose word counts."""

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Answer, Outcome
from tests.contract import makers
from tests.contract.keep import Keep, Worker
from tests.contract.makers import cancelled, failure, released, requeued, retrying, success

OUTCOMES = ["success", "failure", "cancelled", "retrying", "requeued", "released"]
AFTER = {
    "success": State.SUCCEEDED,
    "failure": State.FAILED,
    "cancelled": State.ABORTED,
    "retrying": State.RETRYING,
    "requeued": State.SCHEDULED,
    "released": State.QUEUED,
}


async def others_now(keep: Keep, anna: Worker) -> Worker:
    """Anna's lease is over; what she held was taken back and is in Bert's hands."""
    keep.outlast_lease()
    bert = await keep.worker("bert")
    await keep.broker.reap()
    assert len(await bert.claim(1)) == 1
    return bert


def delayed(name: str, outcome: Outcome) -> Outcome:
    """A retry and a requeue wait a while, so that the turn which settles them does not promote them."""
    match name:
        case "retrying":
            return retrying(outcome.delivery, 60_000)
        case "requeued":
            return requeued(outcome.delivery, 60_000)
        case _:
            return outcome


@pytest.mark.parametrize("name", OUTCOMES)
async def test_each_outcome_moves_a_running_job(keep: Keep, name: str) -> None:
    worker, delivery = await keep.running()

    answers = await worker.settle(delayed(name, getattr(makers, name)(delivery)))

    assert answers == [Answer.DONE]
    assert await keep.state(delivery.job.id) is AFTER[name]


@pytest.mark.parametrize("name", OUTCOMES)
async def test_an_outcome_is_taken_once(keep: Keep, name: str) -> None:
    worker, delivery = await keep.running()
    outcome = delayed(name, getattr(makers, name)(delivery))
    await worker.settle(outcome)
    before = await keep.get(delivery.job.id)

    answers = await worker.settle(outcome)

    after = await keep.get(delivery.job.id)
    assert answers == [Answer.STALE]
    assert (after.state, after.tries, list(after.attempts)) == (before.state, before.tries, list(before.attempts))


@pytest.mark.parametrize("name", OUTCOMES)
async def test_a_reaped_epoch_cannot_touch_what_another_runs(keep: Keep, name: str) -> None:
    anna, delivery = await keep.running("anna")
    await others_now(keep, anna)
    reborn = await keep.worker("anna")

    answers = await reborn.settle(getattr(makers, name)(delivery))

    snapshot = await keep.get(delivery.job.id)
    assert answers == [Answer.STALE]
    assert (snapshot.state, snapshot.worker) == (State.RUNNING, "bert")


@pytest.mark.parametrize("name", OUTCOMES)
async def test_an_earlier_claim_of_the_same_worker_is_stale(keep: Keep, name: str) -> None:
    worker, first = await keep.running()
    await worker.settle(released(first))
    second = await worker.claim_one()

    answers = await worker.settle(getattr(makers, name)(first))

    assert second.claim != first.claim
    assert answers == [Answer.STALE]
    assert await keep.state(first.job.id) is State.RUNNING
    assert await worker.settle(success(second)) == [Answer.DONE]


@pytest.mark.parametrize("name", OUTCOMES)
async def test_an_outcome_of_an_unknown_job_is_gone(keep: Keep, name: str) -> None:
    worker, delivery = await keep.running()
    await worker.settle(success(delivery))
    await keep.broker.delete([delivery.job.id])

    answers = await worker.settle(getattr(makers, name)(delivery))

    assert answers == [Answer.GONE]
    assert await keep.broker.get(delivery.job.id) is None


async def test_a_stale_outcome_does_not_touch_a_newer_run(keep: Keep) -> None:
    worker, first = await keep.running(token="t")
    await worker.settle(success(first))
    await keep.broker.enqueue([keep.job(id=first.job.id, token="u", replaces=True)])
    second = await worker.claim_one()

    answers = await worker.settle(failure(first))

    assert answers == [Answer.STALE]
    assert await worker.settle(success(second)) == [Answer.DONE]


async def test_a_success_is_kept_field_by_field(keep: Keep) -> None:
    worker, delivery = await keep.running("anna", labels={"shop": "north"})
    outcome = success(delivery, value=b"\x00\xff value", ttl_ms=12_345)

    await worker.settle(outcome)

    snapshot = await keep.get(delivery.job.id)
    end = snapshot.end
    assert end is not None
    assert (end.state, end.tries, end.crashes, end.reason) == (State.SUCCEEDED, 1, 0, "")
    assert (end.value, end.ttl_ms) == (b"\x00\xff value", 12_345)
    assert (end.start_ms, end.finish_ms) == (outcome.start_ms, outcome.finish_ms)
    assert (end.worker, end.claim) == ("anna", f"{worker.epoch}.{delivery.claim}")
    assert (snapshot.job.id, snapshot.worker, snapshot.start_ms) == (delivery.job.id, "anna", outcome.start_ms)
    assert (snapshot.state, snapshot.tries, list(snapshot.attempts)) == (State.SUCCEEDED, 1, [])


@pytest.mark.parametrize(("name", "state"), [("failure", State.FAILED), ("cancelled", State.ABORTED)])
async def test_a_failure_is_kept_field_by_field(keep: Keep, name: str, state: State) -> None:
    worker, delivery = await keep.running("anna")
    outcome = getattr(makers, name)(delivery, reason="it is Monday", ttl_ms=777)

    await worker.settle(outcome)

    snapshot = await keep.get(delivery.job.id)
    end = snapshot.end
    assert end is not None
    assert (end.state, end.tries, end.crashes, end.reason) == (state, 1, 0, "it is Monday")
    assert (end.value, end.ttl_ms) == (None, 777)
    assert (end.start_ms, end.finish_ms) == (outcome.attempt.start_ms, outcome.attempt.finish_ms)
    assert (end.worker, end.claim) == ("anna", f"{worker.epoch}.{delivery.claim}")
    assert list(snapshot.attempts) == [outcome.attempt]


@pytest.mark.parametrize("value", [None, b"", b"\xc0", b"x" * 100_000])
async def test_a_value_is_kept_byte_for_byte(keep: Keep, value: bytes | None) -> None:
    worker, delivery = await keep.running()

    await worker.settle(success(delivery, value=value))

    end = (await keep.get(delivery.job.id)).end
    assert end is not None
    assert end.value == value


@pytest.mark.parametrize("ttl_ms", [0, -1, 1])
async def test_the_record_stays_however_short_the_result_is_shown(keep: Keep, ttl_ms: int) -> None:
    worker, delivery = await keep.running()

    await worker.settle(success(delivery, ttl_ms=ttl_ms))
    keep.travel(1_000)
    await keep.broker.sweep()

    end = (await keep.get(delivery.job.id)).end
    assert end is not None
    assert end.ttl_ms == ttl_ms


async def test_outcomes_of_one_turn_are_answered_in_order(keep: Keep) -> None:
    await keep.put_many(6)
    worker = await keep.worker()
    a, b, c, d, e, f = await worker.claim(6)
    await worker.settle(success(b), success(e))
    await keep.broker.delete([e.job.id])

    answers = await worker.settle(
        success(a), failure(b), retrying(c, 60_000), failure(d), success(e), success(a), requeued(f, 60_000)
    )

    done, stale, gone = Answer.DONE, Answer.STALE, Answer.GONE
    assert answers == [done, stale, done, done, gone, stale, done]
    assert [await keep.state(job.job.id) for job in (a, b, c, d, f)] == [
        State.SUCCEEDED,
        State.SUCCEEDED,
        State.RETRYING,
        State.FAILED,
        State.SCHEDULED,
    ]


async def test_a_retry_spends_an_attempt_and_remembers_it(keep: Keep) -> None:
    worker, first = await keep.running()
    outcome = retrying(first, 60_000)

    await worker.settle(outcome)
    waiting = await keep.get(first.job.id)
    keep.travel(61_000)
    await worker.beat()
    second = await worker.claim_one()

    assert (waiting.tries, list(waiting.attempts), waiting.end) == (1, [outcome.attempt], None)
    assert abs(waiting.due_ms - (waiting.now_ms + 60_000)) < 2_000
    assert (second.tries, second.crashes, list(second.history)) == (2, 0, [outcome.attempt])


async def test_a_requeue_and_a_release_spend_nothing(keep: Keep) -> None:
    worker, first = await keep.running()

    (second,) = (await worker.exchange(requeued(first), want=1)).deliveries
    (third,) = (await worker.exchange(released(second), want=1)).deliveries

    assert [(d.tries, d.requeues, list(d.history)) for d in (second, third)] == [(1, 1, []), (1, 1, [])]


async def test_attempts_are_kept_in_order_up_to_the_end(keep: Keep) -> None:
    worker, first = await keep.running()
    one = retrying(first)
    (second,) = (await worker.exchange(one, want=1)).deliveries
    two = retrying(second)
    (third,) = (await worker.exchange(two, want=1)).deliveries

    await worker.settle(success(third))

    snapshot = await keep.get(first.job.id)
    assert list(snapshot.attempts) == [one.attempt, two.attempt]
    assert snapshot.end is not None
    assert snapshot.end.tries == snapshot.tries == 3


async def test_another_workers_claim_is_stale(keep: Keep) -> None:
    anna, delivery = await keep.running("anna")
    bert = await keep.worker("bert")

    answers = await bert.settle(failure(delivery))

    assert answers == [Answer.STALE]
    assert await anna.settle(cancelled(delivery)) == [Answer.DONE]
