"""Another call or another lane for a job that waits."""

import asyncio
from typing import Any

import msgspec
import pytest

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.stored import opening
from ardiq_django.wire import Acceptance, Amendment, Answer, StagedJob, pack
from tests.contract.keep import LANES, RUBBISH, Keep, ids, soon
from tests.contract.makers import retrying, success
from tests.contract.test_handling import one_in_each_state

ALREADY, DONE, GONE, STALE = Answer.ALREADY, Answer.DONE, Answer.GONE, Answer.STALE
CALL = b"\x92\x91\x07\x80"
MINUTE_MS = 60_000


def change(was: StagedJob, **fields: Any) -> Amendment:
    return Amendment(was, **{"lane": was.lane, "call": CALL, "digest": was.digest, **fields})


async def amend(keep: Keep, was: StagedJob, **fields: Any) -> Answer:
    (answer,) = await keep.broker.amend([change(was, **fields)])
    return answer


async def test_amend_answers_by_the_state_table(keep: Keep) -> None:
    _, jobs = await one_in_each_state(keep)
    changes = [change((await keep.get(job_id)).job) for job_id in jobs.values()]

    answers = dict(zip(jobs, await keep.broker.amend(changes), strict=True))

    waiting = {State.RETRYING, State.QUEUED, State.SCHEDULED}
    assert answers == {state: DONE if state in waiting else STALE for state in jobs}
    assert {state: await keep.state(job_id) for state, job_id in jobs.items()} == {state: state for state in jobs}
    changed = {state for state, job_id in jobs.items() if (await keep.get(job_id)).job.call == CALL}
    assert changed == waiting


async def test_what_is_not_known_cannot_be_amended(keep: Keep) -> None:
    assert await amend(keep, keep.job()) is GONE


async def test_the_amended_call_is_what_runs_and_all_else_stays(keep: Keep) -> None:
    job = await keep.put(
        labels={"shop": "north"}, headers={"language": "de"}, token="t", digest="d", replaces=True,
        expire_ms=MINUTE_MS, unique_for_ms=5_000,
    )  # fmt: skip
    before = await keep.get(job.id)

    answer = await amend(keep, job, digest="e")

    after = await keep.get(job.id)
    (delivery,) = await (await keep.worker()).claim(5)
    assert answer is DONE
    assert pack(delivery.job) == pack(after.job) == pack(msgspec.structs.replace(job, call=CALL, digest="e"))
    assert (after.due_ms, after.expires_ms, after.tries) == (before.due_ms, before.expires_ms, before.tries)


async def test_said_again_it_changes_nothing(keep: Keep) -> None:
    first, second = await keep.put_many(2, lane="low")
    once = await amend(keep, first, lane="high")

    again = await amend(keep, first, lane="high")

    claimed = ids(await (await keep.worker()).claim(5, lanes=("low", "high")))
    assert (once, again) == (DONE, ALREADY)
    assert claimed == [second.id, first.id]


async def test_a_job_that_was_changed_meanwhile_is_left_alone(keep: Keep) -> None:
    job = await keep.put()
    await amend(keep, job, call=b"\x92\x91\x01\x80")

    answer = await amend(keep, job, call=b"\x92\x91\x02\x80", lane="high")

    worker = await keep.worker()
    assert answer is STALE
    assert await worker.claim(5, lanes=("high",)) == []
    (delivery,) = await worker.claim(5, lanes=("default",))
    assert (delivery.job.lane, delivery.job.call) == ("default", b"\x92\x91\x01\x80")


async def test_two_changes_of_one_job_in_one_call_are_made_one_after_the_other(keep: Keep) -> None:
    job = await keep.put()
    first, late = change(job, call=b"\x92\x91\x01\x80"), change(job, call=b"\x92\x91\x02\x80")

    answers = await keep.broker.amend([first, late, change(first.job, call=b"\x92\x91\x03\x80")])

    assert answers == [DONE, STALE, DONE]
    assert (await keep.get(job.id)).job.call == b"\x92\x91\x03\x80"


async def test_another_run_under_the_same_id_is_another_job(keep: Keep) -> None:
    job = await keep.put(id="own", token="first", digest="d")
    await keep.broker.delete(["own"])
    await keep.put(id="own", token="second", digest="d", enqueued_ms=job.enqueued_ms)

    answer = await amend(keep, job)

    assert answer is STALE
    assert (await keep.get("own")).job.call == job.call


async def test_a_job_that_was_claimed_meanwhile_runs_as_it_was(keep: Keep) -> None:
    worker, delivery = await keep.running()

    answer = await amend(keep, delivery.job, lane="high")

    assert answer is STALE
    assert (await keep.get(delivery.job.id)).job == delivery.job
    assert await worker.settle(success(delivery)) == [DONE]


async def test_a_job_that_was_deleted_meanwhile_does_not_come_back(keep: Keep) -> None:
    job = await keep.put()
    await keep.broker.delete([job.id])

    answer = await amend(keep, job, lane="high")

    assert answer is GONE
    assert await (await keep.worker()).claim(5) == []
    assert await keep.broker.size() == 0


@pytest.mark.parametrize("delay_ms", [0, 500])
async def test_a_job_whose_window_is_over_has_ended(keep: Keep, delay_ms: int) -> None:
    job = await keep.put(expire_ms=1_000, delay_ms=delay_ms)
    keep.travel(2_000)

    answer = await amend(keep, job, lane="high")

    snapshot = await keep.get(job.id)
    assert answer is STALE
    assert (snapshot.state, snapshot.job.call) == (State.EXPIRED, job.call)


async def test_the_window_goes_on(keep: Keep) -> None:
    job = await keep.put(expire_ms=10_000)
    await amend(keep, job, lane="high")

    keep.travel(11_000)

    assert await (await keep.worker()).claim(5) == []
    assert await keep.state(job.id) is State.EXPIRED


async def test_a_scheduled_job_is_due_as_before_and_then_in_its_new_lane(keep: Keep) -> None:
    job = await keep.put(delay_ms=MINUTE_MS, lane="low")
    due_ms = (await keep.get(job.id)).due_ms

    answer = await amend(keep, job, lane="high")

    after, worker = await keep.get(job.id), await keep.worker()
    early = await worker.claim(5)
    keep.travel(MINUTE_MS + 1_000)
    assert (answer, after.state, after.due_ms, early) == (DONE, State.SCHEDULED, due_ms, [])
    assert await worker.claim(5, lanes=("low",)) == []
    assert ids(await worker.claim(5, lanes=("high",))) == [job.id]


async def test_a_retrying_job_keeps_its_attempts(keep: Keep) -> None:
    worker, delivery = await keep.running(lane="low")
    await worker.settle(retrying(delivery, MINUTE_MS))

    answer = await amend(keep, delivery.job, lane="high")

    state = await keep.state(delivery.job.id)
    keep.travel(MINUTE_MS + 1_000)
    (again,) = await worker.claim(5, lanes=("high",))
    assert (answer, state) == (DONE, State.RETRYING)
    assert (again.tries, len(again.history), again.job.call) == (2, 1, CALL)


async def test_a_queued_job_leaves_its_lane_for_another(keep: Keep) -> None:
    other, job = await keep.put_many(2, lane="low")
    answer = await amend(keep, job, lane="high")

    worker = await keep.worker()
    in_high = ids(await worker.claim(5, lanes=("high",)))
    in_low = ids(await worker.claim(5, lanes=("low",)))

    assert answer is DONE
    assert (in_high, in_low) == ([job.id], [other.id])


async def aged(keep: Keep, number: int, lane: str, apart_ms: int = 4_000) -> list[StagedJob]:
    """Jobs of different ages, the oldest first, by the broker's clock and the producer's."""
    jobs = []
    for _ in range(number):
        jobs.append(await keep.put(lane=lane, enqueued_ms=keep.now_ms))
        keep.travel(apart_ms)
    return jobs


@pytest.mark.parametrize("place", [0, 1, 4, 7])
async def test_in_its_new_lane_it_stands_by_its_age(keep: Keep, place: int) -> None:
    older = await aged(keep, place, "high")
    job = await keep.put(lane="low", enqueued_ms=keep.now_ms)
    keep.travel(4_000)
    younger = await aged(keep, 7 - place, "high")

    await amend(keep, job, lane="high")

    expected = [one.id for one in (*older, job, *younger)]
    assert await keep.broker.ahead((await keep.get(job.id)).job) in (place, None)
    assert ids(await (await keep.worker()).claim(20)) == expected


async def test_among_the_dead_it_stands_by_its_age_too(keep: Keep) -> None:
    older = await aged(keep, 3, "high")
    job = await keep.put(lane="low", enqueued_ms=keep.now_ms)
    keep.travel(4_000)
    younger = await aged(keep, 3, "high")
    await keep.broker.reschedule([older[1].id, younger[1].id], keep.now_ms + MINUTE_MS)

    await amend(keep, job, lane="high")

    left = [older[0], older[2], job, younger[0], younger[2]]
    assert ids(await (await keep.worker()).claim(20)) == [one.id for one in left]


async def test_there_and_back_again_it_stands_once(keep: Keep) -> None:
    job, other = await aged(keep, 2, "low")
    there = change(job, lane="high")
    back = change(there.job, lane="low")

    answers = await keep.broker.amend([there, back])

    worker = await keep.worker()
    claimed = ids(await worker.claim(5)) + ids(await worker.claim(5))
    counts = await keep.broker.counts()
    assert answers == [DONE, DONE]
    assert claimed == [job.id, other.id]
    assert (counts[State.QUEUED], counts[State.RUNNING]) == (0, 2)


async def test_the_dead_place_in_its_old_lane_counts_nowhere(keep: Keep) -> None:
    job = await keep.put(lane="low")
    await amend(keep, job, lane="high")

    counts, listed = await keep.broker.counts(), await keep.listed(Query((State.QUEUED,)))

    assert (counts[State.QUEUED], await keep.broker.size(), listed) == (1, 1, [job.id])
    assert (await keep.get(job.id)).job.lane == "high"


async def test_a_job_with_crashes_is_still_run_alone(keep: Keep) -> None:
    _, delivery = await keep.running(lane="low")
    keep.outlast_lease()
    await keep.broker.reap()

    answer = await amend(keep, delivery.job, lane="high")

    worker = await keep.worker("b")
    (again,) = await worker.claim(5, lanes=LANES)
    assert answer is DONE
    assert (again.crashes, again.job.lane, again.job.call) == (1, "high", CALL)


async def test_a_paused_queue_can_be_amended_and_stays_paused(keep: Keep) -> None:
    job = await keep.put(lane="low")
    await keep.broker.pause()

    answer = await amend(keep, job, lane="high")

    worker = await keep.worker()
    assert answer is DONE
    assert await worker.claim(5) == []
    await keep.broker.resume()
    assert ids(await worker.claim(5, lanes=("high",))) == [job.id]


async def test_a_worker_of_the_new_lane_is_woken(keep: Keep) -> None:
    job = await keep.put(lane="low")
    worker = await keep.worker()
    await worker.claim(5, lanes=("high",))  # takes the token of the enqueue
    waiter = asyncio.ensure_future(keep.broker.wait(worker.epoch, 30))

    await amend(keep, job, lane="high")

    await soon(waiter)
    assert ids(await worker.claim(5, lanes=("high",))) == [job.id]


async def test_with_its_digest_the_new_call_is_known_again(keep: Keep) -> None:
    job = await keep.put(id="own", token="t", digest="old", replaces=True)
    await amend(keep, job, digest="new")

    answers = await keep.broker.enqueue(
        [keep.job(id="own", token=token, digest=digest) for token, digest in (("t", "old"), ("u", "new"), ("v", "old"))]
    )

    assert answers == [Acceptance.EXISTING, Acceptance.EXISTING, Acceptance.CONFLICT]


@pytest.mark.parametrize("data", [RUBBISH, b"", b"\x90", b"\xdc", b"\xdc\x00\x12\x01"])
async def test_bytes_that_nobody_can_decode_are_not_touched(keep: Keep, data: bytes) -> None:
    job = await keep.put()
    await keep.corrupt(job.id, data)

    answer = await amend(keep, job, lane="high")

    assert answer is STALE


async def test_fields_of_a_newer_version_stay(keep: Keep) -> None:
    job = await keep.put()
    fields: list[Any] = msgspec.msgpack.decode(pack(job))
    newer = pack([*fields, "from the future"])
    await keep.corrupt(job.id, newer)

    answer = await amend(keep, job, lane="high")

    (delivery,) = await (await keep.worker()).claim(5, lanes=("high",))
    assert answer is DONE
    assert delivery.envelope == newer.replace(opening(job), opening(change(job, lane="high").job))


async def test_of_those_who_amend_at_once_one_does(keep: Keep) -> None:
    job = await keep.put()
    brokers = [keep.second() for _ in range(4)]
    calls = [b"\x92\x91" + bytes([number]) + b"\x80" for number in range(4)]

    answers = await asyncio.gather(
        *(broker.amend([change(job, call=call)]) for broker, call in zip(brokers, calls, strict=True))
    )

    (winner,) = [call for [answer], call in zip(answers, calls, strict=True) if answer is DONE]
    assert [answer for [answer] in answers].count(STALE) == 3
    assert (await keep.get(job.id)).job.call == winner


async def test_who_claims_gets_the_job_as_it_was_or_as_it_is_to_be(keep: Keep) -> None:
    worker, other = await keep.worker(), keep.second()
    for number in range(10):
        job = await keep.put(lane="low")

        (answer,), turn = await asyncio.gather(other.amend([change(job, lane="high")]), worker.exchange(want=5))

        deliveries = list(turn.deliveries) or await worker.claim(5)
        runs = [(one.job.lane, one.job.call) for one in deliveries]
        assert runs == [("high", CALL) if answer is DONE else ("low", job.call)], number
        await worker.settle(*map(success, deliveries))
