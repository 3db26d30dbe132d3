"""What people do to jobs by hand: replay, delete, clear."""

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Acceptance, Answer
from tests.contract.keep import Keep, Worker, ids
from tests.contract.makers import cancelled, failure, retrying, success

ALREADY, DONE, GONE, STALE = Answer.ALREADY, Answer.DONE, Answer.GONE, Answer.STALE


async def one_in_each_state(keep: Keep) -> tuple[Worker, dict[State, str]]:
    """A job in every state there is."""
    jobs = {State.EXPIRED: (await keep.put(expire_ms=1_000)).id}
    keep.travel(2_000)
    await keep.broker.sweep()
    worker = await keep.worker()
    await keep.put_many(5)
    succeeded, failed, aborted, retried, running = await worker.claim(5)
    await worker.settle(success(succeeded), failure(failed), cancelled(aborted), retrying(retried, 60_000))
    jobs |= {State.SUCCEEDED: succeeded.job.id, State.FAILED: failed.job.id, State.ABORTED: aborted.job.id}
    jobs |= {State.RETRYING: retried.job.id, State.RUNNING: running.job.id}
    jobs[State.QUEUED] = (await keep.put()).id
    jobs[State.SCHEDULED] = (await keep.put(delay_ms=60_000)).id
    assert {state: await keep.state(job_id) for state, job_id in jobs.items()} == {state: state for state in jobs}
    return worker, jobs


async def test_replay_answers_by_the_state_table(keep: Keep) -> None:
    _, jobs = await one_in_each_state(keep)

    answers = dict(zip(jobs, await keep.broker.replay(list(jobs.values())), strict=True))

    assert answers == {
        State.SUCCEEDED: STALE,
        State.FAILED: DONE,
        State.ABORTED: DONE,
        State.EXPIRED: DONE,
        State.RETRYING: STALE,
        State.RUNNING: STALE,
        State.QUEUED: ALREADY,
        State.SCHEDULED: STALE,
    }
    assert (await keep.broker.counts())[State.QUEUED] == 4
    assert await keep.broker.replay(["never-enqueued"]) == [GONE]


async def test_a_second_replay_says_so(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.settle(failure(delivery))

    answers = await keep.broker.replay([delivery.job.id, delivery.job.id])

    assert answers == [DONE, ALREADY]
    assert len(await worker.claim(5)) == 1


async def test_a_replayed_job_begins_with_a_fresh_budget_and_its_history(keep: Keep) -> None:
    worker, first = await keep.running(labels={"shop": "north"}, call=b"\x92\x91\x07\x80")
    await worker.settle(retrying(first))
    second = await worker.claim_one()
    await worker.settle(failure(second))

    await keep.broker.replay([first.job.id])

    snapshot = await keep.get(first.job.id)
    third = await worker.claim_one()
    assert (snapshot.tries, snapshot.crashes, snapshot.end, len(snapshot.attempts)) == (0, 0, None, 2)
    assert (third.tries, [attempt.number for attempt in third.history]) == (1, [1, 2])
    assert (third.job.call, dict(third.job.labels)) == (b"\x92\x91\x07\x80", {"shop": "north"})
    assert await worker.settle(success(third)) == [DONE]
    assert len((await keep.get(first.job.id)).attempts) == 2


async def test_a_replayed_job_goes_to_the_tail_of_its_lane(keep: Keep) -> None:
    worker, delivery = await keep.running(lane="low")
    await worker.settle(failure(delivery))
    other = await keep.put(lane="low")

    await keep.broker.replay([delivery.job.id])

    assert ids(await worker.claim(5, lanes=("low",))) == [other.id, delivery.job.id]


async def test_a_replayed_job_is_no_longer_listed_as_ended(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await worker.settle(failure(delivery))

    await keep.broker.replay([delivery.job.id])

    counts = await keep.broker.counts()
    assert (counts[State.FAILED], counts[State.QUEUED], await keep.broker.size()) == (0, 1, 1)


async def test_a_replayed_job_is_still_the_same_enqueue(keep: Keep) -> None:
    worker, delivery = await keep.running(token="t")
    await worker.settle(failure(delivery))
    await keep.broker.replay([delivery.job.id])

    answers = await keep.broker.enqueue([keep.job(id=delivery.job.id, token=token) for token in ("t", "u")])

    assert answers == [Acceptance.EXISTING, Acceptance.CONFLICT]


async def test_what_came_of_a_run_before_the_replay_is_stale(keep: Keep) -> None:
    worker, first = await keep.running()
    await worker.settle(failure(first))
    await keep.broker.replay([first.job.id])
    second = await worker.claim_one()

    answers = await worker.settle(success(first))

    assert answers == [STALE]
    assert await worker.settle(success(second)) == [DONE]


async def test_delete_answers_by_the_state_table(keep: Keep) -> None:
    worker, jobs = await one_in_each_state(keep)

    answers = dict(zip(jobs, await keep.broker.delete(list(jobs.values())), strict=True))

    assert answers == {state: STALE if state is State.RUNNING else DONE for state in jobs}
    assert [job_id for job_id in jobs.values() if await keep.broker.get(job_id)] == [jobs[State.RUNNING]]
    assert await keep.broker.counts() == {state: int(state is State.RUNNING) for state in State}
    keep.travel(61_000)
    assert await worker.claim(5) == []


async def test_a_second_delete_finds_nothing(keep: Keep) -> None:
    job = await keep.put()

    answers = await keep.broker.delete([job.id, job.id, "never-enqueued"])

    assert answers == [DONE, GONE, GONE]


@pytest.mark.parametrize("ended", [True, False])
async def test_a_deleted_id_is_free(keep: Keep, ended: bool) -> None:
    job = await keep.put(token="t")
    worker = await keep.worker()
    if ended:
        await worker.settle(failure(await worker.claim_one()))
    await keep.broker.delete([job.id])

    await keep.put(id=job.id, token="u")

    (delivery,) = await worker.claim(5)
    assert (delivery.job.token, delivery.tries, list(delivery.history)) == ("u", 1, [])
    assert await worker.claim(5) == []


async def test_a_deleted_scheduled_id_does_not_keep_its_time(keep: Keep) -> None:
    job = await keep.put(delay_ms=10_000)
    await keep.broker.delete([job.id])
    await keep.put(id=job.id, delay_ms=60_000)
    keep.travel(11_000)

    claimed = await (await keep.worker()).claim(5)

    assert claimed == []


async def test_clear_removes_all_that_waits_and_nothing_else(keep: Keep) -> None:
    worker, jobs = await one_in_each_state(keep)
    waiting = {State.QUEUED, State.SCHEDULED, State.RETRYING}

    removed = await keep.broker.clear()

    assert removed == 3
    assert {state for state, job_id in jobs.items() if await keep.broker.get(job_id)} == set(State) - waiting
    assert await keep.broker.size() == 0
    keep.travel(61_000)
    assert await worker.claim(5) == []


async def test_an_empty_queue_is_clear(keep: Keep) -> None:
    await keep.running()

    assert await keep.broker.clear() == 0


async def test_after_clear_the_queue_goes_on(keep: Keep) -> None:
    jobs = [*await keep.put_many(3), *await keep.put_many(2, delay_ms=10_000)]
    await keep.broker.clear()

    answers = await keep.broker.enqueue([keep.job(id=job.id, token="again") for job in reversed(jobs)])

    assert answers == [Acceptance.CREATED] * 5
    worker = await keep.worker()
    assert ids(await worker.claim(9) + await worker.claim(9)) == [job.id for job in reversed(jobs)]


async def test_clear_counts_each_job_once(keep: Keep) -> None:
    many = await keep.put_many(1_200)
    await keep.broker.abort([job.id for job in many[:100]])
    await keep.broker.reschedule([job.id for job in many[100:200]], keep.now_ms + 60_000)

    removed = await keep.broker.clear()

    assert removed == 1_100
    assert await keep.broker.counts() == {state: 100 * (state is State.ABORTED) for state in State}
