"""Jobs with a time: when they are queued, and in which order."""

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Answer
from tests.contract.keep import Keep, ids
from tests.contract.makers import requeued, retrying, success

MINUTE_MS = 60_000


async def test_a_delayed_job_waits_for_its_time(keep: Keep) -> None:
    job = await keep.put(delay_ms=MINUTE_MS)
    worker = await keep.worker()
    waiting = await keep.get(job.id)
    keep.travel(MINUTE_MS - 5_000)
    early = await worker.claim(5)
    keep.travel(6_000)

    in_time = await worker.claim(5)

    assert waiting.state is State.SCHEDULED
    assert abs(waiting.due_ms - waiting.now_ms - MINUTE_MS) < 2_000
    assert (early, ids(in_time)) == ([], [job.id])


async def test_a_scheduled_job_waits_for_its_time(keep: Keep) -> None:
    at_ms = keep.now_ms + MINUTE_MS
    job = await keep.put(schedule_ms=at_ms)
    worker = await keep.worker()
    waiting = await keep.get(job.id)
    early = await worker.claim(5)
    keep.travel(MINUTE_MS + 1_000)

    in_time = await worker.claim(5)

    assert (waiting.state, waiting.due_ms) == (State.SCHEDULED, at_ms)
    assert (early, ids(in_time)) == ([], [job.id])


@pytest.mark.parametrize("ago_ms", [1_000, 86_400_000])
async def test_a_schedule_in_the_past_is_now(keep: Keep, ago_ms: int) -> None:
    job = await keep.put(schedule_ms=keep.now_ms - ago_ms)

    state = await keep.state(job.id)

    assert state is State.QUEUED
    assert ids(await (await keep.worker()).claim(5)) == [job.id]


@pytest.mark.parametrize(("delay_ms", "in_ms"), [(MINUTE_MS, 1_000), (1_000, MINUTE_MS)])
async def test_of_a_delay_and_a_schedule_the_later_counts(keep: Keep, delay_ms: int, in_ms: int) -> None:
    job = await keep.put(delay_ms=delay_ms, schedule_ms=keep.now_ms + in_ms)

    snapshot = await keep.get(job.id)

    assert abs(snapshot.due_ms - snapshot.now_ms - MINUTE_MS) < 2_000


async def test_jobs_become_due_in_the_order_of_their_times(keep: Keep) -> None:
    late, soon, later = [await keep.put(delay_ms=ms) for ms in (20_000, 10_000, 25_000)]
    keep.travel(26_000)

    claimed = ids(await (await keep.worker()).claim(5))

    assert claimed == [soon.id, late.id, later.id]


async def test_jobs_of_the_same_instant_are_all_due(keep: Keep) -> None:
    jobs = await keep.put_many(20, schedule_ms=keep.now_ms + MINUTE_MS)
    keep.travel(MINUTE_MS + 1_000)

    claimed = ids(await (await keep.worker()).claim(50))

    assert sorted(claimed) == sorted(job.id for job in jobs)


async def test_a_due_job_stands_behind_those_that_were_queued(keep: Keep) -> None:
    later = await keep.put(delay_ms=10_000)
    now = await keep.put()
    keep.travel(11_000)

    claimed = ids(await (await keep.worker()).claim(5))

    assert claimed == [now.id, later.id]


async def test_a_due_job_keeps_to_its_lane(keep: Keep) -> None:
    low = await keep.put(delay_ms=10_000, lane="low")
    high = await keep.put(delay_ms=20_000, lane="high")
    keep.travel(21_000)

    claimed = ids(await (await keep.worker()).claim(5))

    assert claimed == [high.id, low.id]


async def test_what_is_due_is_promoted_even_if_nothing_is_wanted(keep: Keep) -> None:
    job = await keep.put(delay_ms=10_000)
    worker = await keep.worker()
    keep.travel(11_000)

    await worker.exchange(want=0)

    assert await keep.state(job.id) is State.QUEUED


async def test_a_turn_promotes_two_hundred_at_most(keep: Keep) -> None:
    await keep.put_many(450, delay_ms=10_000)
    worker = await keep.worker()
    keep.travel(11_000)

    turns = [await worker.exchange(want=1_000) for _ in range(5)]

    sizes = [len(turn.deliveries) for turn in turns]
    assert (max(sizes), sum(sizes)) == (200, 450)
    assert (turns[0].next_due_ms, turns[-1].next_due_ms) == (0, None)


async def test_a_turn_tells_how_long_until_the_next_job_is_due(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.put()
    nothing = await worker.exchange()
    far, near = [await keep.put(delay_ms=ms) for ms in (2 * MINUTE_MS, MINUTE_MS)]

    both = await worker.exchange()
    await keep.broker.abort([near.id])
    one = await worker.exchange()
    await keep.broker.delete([far.id])
    none = await worker.exchange()

    assert (nothing.next_due_ms, none.next_due_ms) == (None, None)
    assert both.next_due_ms is not None
    assert one.next_due_ms is not None
    assert 0 <= MINUTE_MS - both.next_due_ms < 5_000
    assert 0 <= 2 * MINUTE_MS - one.next_due_ms < 5_000


async def test_a_retry_waits_for_its_time(keep: Keep) -> None:
    worker, delivery = await keep.running()

    turn = await worker.exchange(retrying(delivery, 20_000), want=5)
    keep.travel(21_000)

    assert list(turn.deliveries) == []
    assert turn.next_due_ms is not None
    assert 0 <= 20_000 - turn.next_due_ms < 2_000
    assert ids(await worker.claim(5)) == [delivery.job.id]


async def test_a_requeued_job_waits_for_its_time(keep: Keep) -> None:
    worker, delivery = await keep.running()

    turn = await worker.exchange(requeued(delivery, 20_000), want=5)
    early = await keep.get(delivery.job.id)
    keep.travel(21_000)

    assert (list(turn.deliveries), early.state) == ([], State.SCHEDULED)
    assert ids(await worker.claim(5)) == [delivery.job.id]


async def reschedule(keep: Keep, job_id: str, in_ms: int) -> Answer:
    (answer,) = await keep.broker.reschedule([job_id], keep.now_ms + in_ms)
    return answer


async def test_a_job_can_be_rescheduled_earlier(keep: Keep) -> None:
    job = await keep.put(delay_ms=10 * MINUTE_MS)
    worker = await keep.worker()

    answer = await reschedule(keep, job.id, 10_000)

    snapshot, early = await keep.get(job.id), await worker.claim(5)
    keep.travel(11_000)
    assert answer is Answer.DONE
    assert abs(snapshot.due_ms - snapshot.now_ms - 10_000) < 2_000
    assert (early, ids(await worker.claim(5))) == ([], [job.id])


async def test_a_job_can_be_rescheduled_later(keep: Keep) -> None:
    job = await keep.put(delay_ms=5_000)
    worker = await keep.worker()

    answer = await reschedule(keep, job.id, 15_000)

    keep.travel(10_000)
    early = await worker.claim(5)
    keep.travel(6_000)
    assert answer is Answer.DONE
    assert (early, ids(await worker.claim(5))) == ([], [job.id])


@pytest.mark.parametrize("delay_ms", [0, MINUTE_MS])
async def test_rescheduled_to_the_past_is_now(keep: Keep, delay_ms: int) -> None:
    job = await keep.put(delay_ms=delay_ms)

    answer = await reschedule(keep, job.id, -5_000)

    assert answer is Answer.DONE
    assert ids(await (await keep.worker()).claim(5)) == [job.id]
    assert await (await keep.worker()).claim(5) == []


async def test_a_queued_job_can_be_postponed(keep: Keep) -> None:
    job, other = await keep.put_many(2)
    worker = await keep.worker()

    answer = await reschedule(keep, job.id, 10_000)

    state, early = await keep.state(job.id), await worker.claim(5)
    keep.travel(11_000)
    assert (answer, state) == (Answer.DONE, State.SCHEDULED)
    assert ids(early) == [other.id]
    assert ids(await worker.claim(5)) == [job.id]


async def test_a_retrying_job_stays_retrying(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.settle(retrying(delivery, MINUTE_MS))

    answer = await reschedule(keep, delivery.job.id, 5_000)

    state = await keep.state(delivery.job.id)
    keep.travel(6_000)
    (again,) = await worker.claim(5)
    assert (answer, state) == (Answer.DONE, State.RETRYING)
    assert again.tries == 2


async def test_only_waiting_jobs_can_be_rescheduled(keep: Keep) -> None:
    worker, running = await keep.running()
    await keep.put()
    ended = await worker.claim_one()
    await worker.settle(success(ended))
    queued = await keep.put()

    answers = await keep.broker.reschedule(
        [ended.job.id, queued.id, running.job.id, "never-enqueued"], keep.now_ms + MINUTE_MS
    )

    assert answers == [Answer.STALE, Answer.DONE, Answer.STALE, Answer.GONE]
    assert await keep.state(running.job.id) is State.RUNNING


async def test_a_rescheduled_job_runs_once(keep: Keep) -> None:
    job = await keep.put(delay_ms=5_000)
    for in_ms in (20_000, 10_000, 8_000):
        await reschedule(keep, job.id, in_ms)
    worker = await keep.worker()
    keep.travel(21_000)

    claimed = ids(await worker.claim(5)) + ids(await worker.claim(5))

    assert claimed == [job.id]
