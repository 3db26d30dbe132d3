"""A job that was in a dead worker's hands runs alone, so that one bad job cannot take the innocent along."""

from collections.abc import Callable

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Answer, Delivery, Outcome
from tests.contract.keep import Keep, Worker, ids, soon
from tests.contract.makers import cancelled, failure, released, requeued, retrying, success


async def suspects(keep: Keep, number: int = 1) -> list[str]:
    """Jobs whose worker died."""
    jobs = await keep.put_many(number)
    await (await keep.worker("dead")).claim(number)
    keep.outlast_lease()
    assert await keep.broker.reap() == number
    return [job.id for job in jobs]


async def test_a_suspect_is_handed_out_alone(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    innocent = await keep.put_many(3)
    worker = await keep.worker()

    alone = await worker.claim(5)
    beside = await worker.claim(5)
    after = (await worker.exchange(success(alone[0]), want=5)).deliveries

    assert ids(alone) == [suspect]
    assert beside == []
    assert ids(after) == [job.id for job in innocent]


async def test_a_suspect_that_is_handed_back_is_handed_out_in_the_same_turn(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    worker = await keep.worker()
    (delivery,) = await worker.claim(1)
    worker.held.clear()  # it no longer counts it, and so is no longer chosen for any
    assert await worker.claim(1) == []

    again = (await worker.exchange(released(delivery), want=1)).deliveries

    assert ids(again) == [suspect]


async def chosen_while_busy(keep: Keep) -> tuple[Worker, list[Delivery], str]:
    """Anna, two innocent jobs in her hands, and the suspect she has been chosen for."""
    anna, dead = await keep.worker("anna"), await keep.worker("dead")
    await keep.put_many(3)
    held = await anna.claim(2)
    suspect = await dead.claim_one()
    keep.outlast_lease()
    await anna.beat()
    assert await keep.broker.reap() == 1
    return anna, held, suspect.job.id


async def test_the_chosen_worker_first_finishes_what_it_holds(keep: Keep) -> None:
    anna, held, suspect = await chosen_while_busy(keep)
    await keep.put()

    draining = await anna.claim(5)
    still = (await anna.exchange(success(held[0]), want=5)).deliveries
    drained = (await anna.exchange(success(held[1]), want=5)).deliveries

    assert (draining, list(still)) == ([], [])
    assert ids(drained) == [suspect]


async def test_one_who_holds_nothing_takes_the_place_of_a_chosen_worker_that_has_not_begun(keep: Keep) -> None:
    anna, held, suspect = await chosen_while_busy(keep)
    bert = await keep.worker("bert", keep.second())
    draining = await anna.claim(5)
    innocent = await keep.put_many(2)

    alone = await bert.claim(5)
    relieved = await anna.claim(1)
    beside = await bert.claim(5)
    after = (await bert.exchange(success(alone[0]), want=5)).deliveries

    assert (draining, beside) == ([], [])
    assert ids(alone) == [suspect]
    assert ids(relieved + list(after)) == [job.id for job in innocent]
    assert len(held) == 2


async def test_a_sleeper_that_holds_nothing_wakes_for_the_suspect_of_one_that_has_not_begun(keep: Keep) -> None:
    anna, _, suspect = await chosen_while_busy(keep)
    bert = await keep.worker("bert", keep.second())
    await anna.claim(5)

    await soon(bert.broker.wait(bert.epoch, 30))

    assert ids(await bert.claim(5)) == [suspect]


async def test_others_go_on_with_the_innocent(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    innocent = await keep.put_many(4)
    anna, bert = await keep.worker("anna"), await keep.worker("bert", keep.second())

    chosen, others, more = await anna.claim(5), await bert.claim(2), await bert.claim(5)

    assert ids(chosen) == [suspect]
    assert ids(others + more) == [job.id for job in innocent]


async def test_only_one_worker_is_chosen_at_a_time(keep: Keep) -> None:
    two = await suspects(keep, 2)
    anna, bert = await keep.worker("anna"), await keep.worker("bert")

    chosen, other = await anna.claim(5), await bert.claim(5)

    assert len(chosen) == 1
    assert chosen[0].job.id in two
    assert other == []


async def test_two_suspects_run_one_after_the_other(keep: Keep) -> None:
    two = await suspects(keep, 2)
    innocent = await keep.put()
    worker = await keep.worker()

    (first,) = await worker.claim(5)
    (second,) = (await worker.exchange(success(first), want=5)).deliveries
    after = (await worker.exchange(failure(second), want=5)).deliveries

    assert {first.job.id, second.job.id} == set(two)
    assert ids(after) == [innocent.id]


async def test_all_that_one_crash_took_along_are_cleared(keep: Keep) -> None:
    many = await suspects(keep, 4)
    worker = await keep.worker()

    for _ in many:
        (delivery,) = await worker.claim(5)
        assert await worker.settle(success(delivery)) == [Answer.DONE]

    assert [await keep.state(job_id) for job_id in many] == [State.SUCCEEDED] * 4


async def test_when_the_chosen_worker_dies_before_its_turn_another_is_chosen(keep: Keep) -> None:
    anna, held, suspect = await chosen_while_busy(keep)
    await anna.claim(5)
    keep.outlast_lease()
    bert = await keep.worker("bert")
    await keep.broker.reap()

    seen: list[Delivery] = []
    for _ in range(3):
        (delivery,) = (await bert.exchange(*map(success, seen[-1:]), want=5)).deliveries
        seen.append(delivery)

    assert {d.job.id: d.crashes for d in seen} == {suspect: 1, held[0].job.id: 1, held[1].job.id: 1}


async def test_when_the_chosen_worker_leaves_another_is_chosen(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    anna, bert = await keep.worker("anna"), await keep.worker("bert")
    await anna.claim(5)

    await anna.leave()

    (delivery,) = await bert.claim(5)
    assert (delivery.job.id, delivery.crashes) == (suspect, 1)


async def test_a_chosen_worker_that_wants_nothing_more_makes_room(keep: Keep) -> None:
    first, second = await suspects(keep, 2)
    anna, bert = await keep.worker("anna"), await keep.worker("bert")
    (delivery,) = await anna.claim(5)
    await anna.settle(success(delivery))

    others = await bert.claim(5)

    assert {delivery.job.id, *ids(others)} == {first, second}


async def test_the_second_worker_it_kills_is_alone_again(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    await (await keep.worker("anna")).claim(5)
    await keep.put_many(2)
    keep.outlast_lease()
    bert = await keep.worker("bert")
    await keep.broker.reap()

    deliveries = await bert.claim(5)

    assert [(d.job.id, d.crashes, len(d.history)) for d in deliveries] == [(suspect, 2, 2)]


async def test_an_aborted_suspect_is_not_handed_out(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    innocent = await keep.put_many(2)

    answers = await keep.broker.abort([suspect])

    claimed = await (await keep.worker()).claim(5)
    assert answers == [Answer.DONE]
    assert await keep.state(suspect) is State.ABORTED
    assert ids(claimed) == [job.id for job in innocent]


async def test_a_deleted_suspect_is_not_handed_out(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    innocent = await keep.put()

    await keep.broker.delete([suspect])

    claimed = await (await keep.worker()).claim(5)
    assert ids(claimed) == [innocent.id]


async def test_a_running_suspect_can_be_aborted(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    innocent = await keep.put()
    worker = await keep.worker()
    delivery = await worker.claim_one()
    await keep.broker.abort([suspect])

    after = (await worker.exchange(cancelled(delivery), want=5)).deliveries

    assert await keep.state(suspect) is State.ABORTED
    assert ids(after) == [innocent.id]


@pytest.mark.parametrize("outcome", [retrying, requeued])
async def test_an_outcome_clears_the_suspicion(keep: Keep, outcome: Callable[[Delivery], Outcome]) -> None:
    (suspect,) = await suspects(keep)
    innocent = await keep.put()
    worker = await keep.worker()
    delivery = await worker.claim_one()

    together = (await worker.exchange(outcome(delivery), want=5)).deliveries

    assert {(d.job.id, d.crashes) for d in together} == {(suspect, 0), (innocent.id, 0)}


async def test_a_released_suspect_is_still_one(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    await keep.put()
    worker = await keep.worker()
    delivery = await worker.claim_one()

    again = (await worker.exchange(released(delivery), want=5)).deliveries

    assert [(d.job.id, d.crashes) for d in again] == [(suspect, 1)]


async def test_a_postponed_suspect_is_still_one_when_it_is_due(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    await keep.broker.reschedule([suspect], keep.now_ms + 5_000)
    innocent = await keep.put()
    worker = await keep.worker()
    before = await worker.claim(5)
    keep.travel(6_000)

    alone = (await worker.exchange(success(before[0]), want=5)).deliveries

    assert ids(before) == [innocent.id]
    assert [(d.job.id, d.crashes) for d in alone] == [(suspect, 1)]


async def test_a_replayed_job_is_no_suspect(keep: Keep) -> None:
    keep.ruled(max_crashes=1)
    (suspect,) = await suspects(keep)
    innocent = await keep.put()
    await keep.broker.replay([suspect])

    together = await (await keep.worker()).claim(5)

    assert [(d.job.id, d.crashes, d.tries) for d in together] == [(innocent.id, 0, 1), (suspect, 0, 1)]


async def test_a_suspect_waits_while_the_queue_is_paused(keep: Keep) -> None:
    (suspect,) = await suspects(keep)
    worker = await keep.worker()
    await keep.broker.pause()

    paused = await worker.claim(5)
    await keep.broker.resume()

    assert paused == []
    assert ids(await worker.claim(5)) == [suspect]


async def test_a_suspect_counts_as_queued(keep: Keep) -> None:
    (suspect,) = await suspects(keep)

    counted = (await keep.broker.counts())[State.QUEUED], await keep.broker.size()

    assert counted == (1, 1)
    assert await keep.broker.clear() == 1
    assert await keep.broker.get(suspect) is None
