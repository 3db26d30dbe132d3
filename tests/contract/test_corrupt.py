"""Stored bytes that nobody can decode: the job is seen, moved and ended like any other."""

import asyncio

import pytest

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.wire import Answer
from tests.contract.keep import RUBBISH, Keep, ids, soon
from tests.contract.makers import cancelled, failure, released, retrying


async def corrupted(keep: Keep, **fields: object) -> str:
    job = await keep.put(**fields)
    await keep.corrupt(job.id)
    return job.id


async def test_it_is_delivered_as_broken(keep: Keep) -> None:
    job_id = await corrupted(keep)

    (delivery,) = await (await keep.worker()).claim(5)

    assert delivery.job.id == job_id
    assert "\\xc1\\xff" in delivery.broken
    assert "\\xc1\\xff" in delivery.job.labels["undecodable"]
    assert RUBBISH not in delivery.job.call


async def test_it_does_not_hinder_its_neighbours(keep: Keep) -> None:
    before = await keep.put()
    broken = await corrupted(keep)
    after = await keep.put()

    deliveries = await (await keep.worker()).claim(5)

    assert ids(deliveries) == [before.id, broken, after.id]
    assert [bool(delivery.broken) for delivery in deliveries] == [False, True, False]


async def test_it_can_be_failed(keep: Keep) -> None:
    job_id = await corrupted(keep)
    worker = await keep.worker()
    delivery = await worker.claim_one()

    answers = await worker.settle(failure(delivery, reason=delivery.broken))

    snapshot = await keep.get(job_id)
    assert answers == [Answer.DONE]
    assert snapshot.end is not None
    assert snapshot.end.reason == delivery.broken
    assert len(snapshot.attempts) == 1
    assert await keep.listed(Query(states=[State.FAILED])) == [job_id]


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_it_can_be_aborted_while_it_waits(keep: Keep, delay_ms: int) -> None:
    job_id = await corrupted(keep, delay_ms=delay_ms)

    answers = await keep.broker.abort([job_id])

    assert answers == [Answer.DONE]
    assert await keep.state(job_id) is State.ABORTED
    assert await (await keep.worker()).claim(5) == []


async def test_it_can_be_aborted_while_it_runs(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await keep.corrupt(delivery.job.id)
    await keep.broker.abort([delivery.job.id])

    answers = await worker.settle(cancelled(delivery))

    assert answers == [Answer.DONE]
    assert await keep.state(delivery.job.id) is State.ABORTED


async def test_it_becomes_due(keep: Keep) -> None:
    job_id = await corrupted(keep, delay_ms=5_000)
    keep.travel(6_000)

    (delivery,) = await (await keep.worker()).claim(5)

    assert (delivery.job.id, bool(delivery.broken)) == (job_id, True)


async def test_it_expires(keep: Keep) -> None:
    job_id = await corrupted(keep, expire_ms=5_000)
    keep.travel(6_000)

    await keep.broker.sweep()

    assert await keep.state(job_id) is State.EXPIRED
    assert (await keep.broker.counts())[State.EXPIRED] == 1


async def test_it_is_retried_and_still_broken(keep: Keep) -> None:
    job_id = await corrupted(keep)
    worker = await keep.worker()
    delivery = await worker.claim_one()

    (again,) = (await worker.exchange(retrying(delivery), want=5)).deliveries

    assert (again.job.id, again.tries, bool(again.broken)) == (job_id, 2, True)


async def test_handed_back_it_is_handed_out_again(keep: Keep) -> None:
    job_id = await corrupted(keep)
    anna, bert = await keep.worker("anna"), await keep.worker("bert")
    delivery = await anna.claim_one()

    (again,) = (await anna.exchange(released(delivery), want=5)).deliveries
    await anna.leave()

    assert again.job.id == job_id
    assert ids(await bert.claim(5)) == [job_id]


async def test_taken_back_from_the_dead_it_is_handed_out_again_up_to_the_limit(keep: Keep) -> None:
    job_id = await corrupted(keep)
    seen = []
    for _ in range(keep.rules.max_crashes):
        (delivery,) = await (await keep.worker()).claim(5)
        seen.append((delivery.job.id, delivery.crashes, bool(delivery.broken)))
        keep.outlast_lease()
        await keep.broker.reap()

    snapshot = await keep.get(job_id)

    assert seen == [(job_id, 0, True), (job_id, 1, True), (job_id, 2, True)]
    assert (snapshot.state, snapshot.crashes) == (State.FAILED, 3)


async def test_a_lost_claim_of_it_is_told(keep: Keep) -> None:
    job_id = await corrupted(keep)
    worker = await keep.worker()
    await worker.claim_one()
    worker.held = {}

    (unknown,) = (await worker.beat()).unknown

    assert (unknown.job.id, bool(unknown.broken)) == (job_id, True)


@pytest.mark.parametrize("state", [State.QUEUED, State.SCHEDULED, State.RUNNING])
async def test_it_is_listed_and_shown(keep: Keep, state: State) -> None:
    job_id = await corrupted(keep, delay_ms=60_000 if state is State.SCHEDULED else 0)
    other = await keep.put(delay_ms=90_000 if state is State.SCHEDULED else 0)
    if state is State.RUNNING:
        await (await keep.worker()).claim(2)

    page = await keep.broker.page(Query(states=[state]))

    snapshot = await keep.get(job_id)
    assert {row.job.id for row in page.rows} == {job_id, other.id}
    assert page.total == 2
    assert (snapshot.state, snapshot.job.id) == (state, job_id)
    assert "\\xc1\\xff" in snapshot.job.labels["undecodable"]


async def test_it_can_be_rescheduled_and_deleted(keep: Keep) -> None:
    job_id = await corrupted(keep)

    answers = await keep.broker.reschedule([job_id], keep.now_ms + 60_000)
    deleted = await keep.broker.delete([job_id])

    assert (answers, deleted) == ([Answer.DONE], [Answer.DONE])
    assert await keep.broker.get(job_id) is None


async def test_it_can_be_cleared(keep: Keep) -> None:
    await corrupted(keep)
    await corrupted(keep, delay_ms=60_000)

    assert await keep.broker.clear() == 2


async def test_its_end_is_waited_for(keep: Keep) -> None:
    job_id = await corrupted(keep)
    task = asyncio.create_task(keep.second().wait_end(job_id, 30))
    await keep.let_sleep(task)
    worker = await keep.worker()

    await worker.settle(failure(await worker.claim_one()))

    snapshot = await soon(task)
    assert snapshot is not None
    assert snapshot.state is State.FAILED
