"""An abort ends what waits at once, and holds for what runs unless its end was quicker."""

import asyncio
from collections.abc import Callable

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Answer, Command, Delivery, Order, Outcome
from tests.contract.keep import Keep, Worker, ids, soon
from tests.contract.makers import cancelled, failure, released, requeued, retrying, success

ALREADY, DONE, GONE, STALE = Answer.ALREADY, Answer.DONE, Answer.GONE, Answer.STALE


async def abort(keep: Keep, job_id: str) -> Answer:
    (answer,) = await keep.broker.abort([job_id])
    return answer


async def retrying_job(keep: Keep) -> tuple[Worker, str]:
    worker, delivery = await keep.running()
    await worker.settle(retrying(delivery, 60_000))
    return worker, delivery.job.id


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_a_waiting_job_ends_at_once(keep: Keep, delay_ms: int) -> None:
    job = await keep.put(delay_ms=delay_ms)

    answer = await abort(keep, job.id)

    snapshot = await keep.get(job.id)
    end = snapshot.end
    assert answer is DONE
    assert end is not None
    assert (snapshot.state, end.state, end.tries, end.crashes) == (State.ABORTED, State.ABORTED, 0, 0)
    assert (end.worker, end.claim, end.start_ms, end.value) == ("", "", 0, None)
    assert "aborted" in end.reason
    assert end.ttl_ms == keep.rules.result_ttl_ms
    assert abs(end.finish_ms - keep.now_ms) < 2_000


async def test_a_retrying_job_ends_with_its_attempts(keep: Keep) -> None:
    worker, job_id = await retrying_job(keep)

    answer = await abort(keep, job_id)

    keep.travel(61_000)
    await worker.beat()
    snapshot = await keep.get(job_id)
    assert answer is DONE
    assert (snapshot.state, snapshot.tries, len(snapshot.attempts)) == (State.ABORTED, 1, 1)
    assert await worker.claim(5) == []


async def test_a_second_abort_says_so(keep: Keep) -> None:
    job = await keep.put()

    answers = [*await keep.broker.abort([job.id, job.id]), await abort(keep, job.id)]

    assert answers == [DONE, ALREADY, ALREADY]


async def test_each_abort_is_answered_in_order(keep: Keep) -> None:
    worker, running = await keep.running()
    await keep.put_many(2)
    done, failed = await worker.claim(2)
    await worker.settle(success(done), failure(failed))
    expired = await keep.put(expire_ms=1_000)
    keep.travel(2_000)
    await keep.broker.sweep()
    queued = await keep.put()

    answers = await keep.broker.abort(
        [done.job.id, "never-enqueued", queued.id, failed.job.id, running.job.id, expired.id, queued.id]
    )

    assert answers == [STALE, GONE, DONE, STALE, DONE, STALE, ALREADY]


async def test_an_aborted_job_leaves_the_queue(keep: Keep) -> None:
    jobs = await keep.put_many(2)
    later = await keep.put(delay_ms=60_000)

    await keep.broker.abort([jobs[0].id, later.id])

    counts = await keep.broker.counts()
    assert await keep.broker.size() == 1
    assert (counts[State.QUEUED], counts[State.SCHEDULED], counts[State.ABORTED]) == (1, 0, 2)


async def test_an_aborted_job_in_a_backlog_never_runs(keep: Keep) -> None:
    jobs = await keep.put_many(300)
    aborted = {job.id for job in jobs[::3]}
    await keep.broker.abort(list(aborted))
    worker = await keep.worker()

    claimed = ids(await worker.claim(50)) + ids(await worker.claim(300))

    assert claimed == [job.id for job in jobs if job.id not in aborted]


async def test_the_aborted_do_not_hide_what_stands_behind_them(keep: Keep) -> None:
    jobs = await keep.put_many(5)
    await keep.broker.abort([job.id for job in jobs[:4]])

    claimed = await (await keep.worker()).claim(1)

    assert ids(claimed) == [jobs[4].id]


async def test_the_worker_of_a_running_job_is_told(keep: Keep) -> None:
    worker, delivery = await keep.running()
    listening = asyncio.create_task(keep.broker.listen(worker.epoch, 30))
    await keep.let_sleep(listening)

    answers = await keep.second().abort([delivery.job.id])

    assert answers == [DONE]
    assert list(await soon(listening)) == [Command(Order.ABORT, delivery.job.id, delivery.claim)]
    assert await keep.state(delivery.job.id) is State.RUNNING


async def test_the_worker_is_told_again_with_each_beat_until_it_obeys(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await abort(keep, delivery.job.id)

    told = [list((await worker.beat()).aborts) for _ in range(2)]
    answers = await worker.settle(cancelled(delivery))
    after = list((await worker.beat()).aborts)

    assert told == [[delivery.job.id]] * 2
    assert answers == [DONE]
    assert after == []
    assert await keep.state(delivery.job.id) is State.ABORTED


async def test_only_the_worker_that_runs_it_is_told(keep: Keep) -> None:
    _, delivery = await keep.running("anna")
    await keep.put()
    bert = await keep.worker("bert")
    await bert.claim_one()

    await abort(keep, delivery.job.id)

    assert list((await bert.beat()).aborts) == []
    assert list(await soon(keep.broker.listen(bert.epoch, 0.01))) == []


@pytest.mark.parametrize("outcome", [retrying, requeued, released])
async def test_the_wish_holds_where_the_job_would_have_gone_on(
    keep: Keep, outcome: Callable[[Delivery], Outcome]
) -> None:
    worker, delivery = await keep.running()
    await abort(keep, delivery.job.id)

    turn = await worker.exchange(outcome(delivery), want=5)

    end = (await keep.get(delivery.job.id)).end
    assert (list(turn.answers), list(turn.deliveries)) == ([DONE], [])
    assert end is not None
    assert end.state is State.ABORTED
    assert "aborted" in end.reason


async def test_the_wish_holds_when_the_worker_leaves(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await abort(keep, delivery.job.id)

    await worker.leave()

    assert await keep.state(delivery.job.id) is State.ABORTED
    assert await (await keep.worker()).claim(5) == []


async def test_the_wish_holds_when_the_worker_dies(keep: Keep) -> None:
    _, delivery = await keep.running()
    await abort(keep, delivery.job.id)
    keep.outlast_lease()

    taken = await keep.broker.reap()

    snapshot = await keep.get(delivery.job.id)
    assert taken == 1
    assert (snapshot.state, len(snapshot.attempts)) == (State.ABORTED, 1)
    assert await (await keep.worker()).claim(5) == []


@pytest.mark.parametrize(("outcome", "state"), [(success, State.SUCCEEDED), (failure, State.FAILED)])
async def test_an_end_that_was_quicker_stands(keep: Keep, outcome: Callable[[Delivery], Outcome], state: State) -> None:
    worker, delivery = await keep.running()
    await abort(keep, delivery.job.id)

    answers = await worker.settle(outcome(delivery))

    assert answers == [DONE]
    assert await keep.state(delivery.job.id) is state
    assert await abort(keep, delivery.job.id) is STALE


async def test_the_wish_does_not_reach_into_a_later_run(keep: Keep) -> None:
    worker, first = await keep.running()
    await abort(keep, first.job.id)
    await worker.settle(cancelled(first))
    await keep.broker.replay([first.job.id])
    second = await worker.claim_one()

    beat = await worker.beat()
    await worker.settle(retrying(second, 60_000))

    assert list(beat.aborts) == []
    assert await keep.state(first.job.id) is State.RETRYING


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_an_aborted_id_can_be_enqueued_again_and_runs_once(keep: Keep, delay_ms: int) -> None:
    job = await keep.put(token="t", delay_ms=delay_ms)
    other = await keep.put()
    await abort(keep, job.id)

    await keep.put(id=job.id, token="u", replaces=True)

    keep.travel(61_000)
    worker = await keep.worker()
    claimed = await worker.claim(5) + await worker.claim(5)
    assert ids(claimed) == [other.id, job.id]
    assert claimed[1].job.token == "u"


async def test_an_aborted_job_that_is_replayed_runs_once_and_last(keep: Keep) -> None:
    job, other = await keep.put_many(2)
    await abort(keep, job.id)

    await keep.broker.replay([job.id])

    worker = await keep.worker()
    claimed = await worker.claim(5) + await worker.claim(5)
    assert ids(claimed) == [other.id, job.id]


async def test_aborted_again_after_it_was_enqueued_again_it_does_not_run(keep: Keep) -> None:
    job = await keep.put(token="0")
    for token in ("1", "2"):
        await abort(keep, job.id)
        await keep.put(id=job.id, token=token, replaces=True)
    last = await keep.put()

    await abort(keep, job.id)

    assert ids(await (await keep.worker()).claim(5)) == [last.id]
    assert (await keep.broker.size(), (await keep.broker.counts())[State.ABORTED]) == (0, 1)
