"""Idle workers sleep until there is work."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import pytest

from ardiq_django.brokers.base import Broker
from ardiq_django.results import State
from ardiq_django.wire import Delivery, Occurrence, Outcome
from tests.contract.keep import Keep, Worker, ids, soon
from tests.contract.makers import failure, requeued, retrying

LONG_S = 30.0  # never waited for
Waiting = Callable[[Worker], Coroutine[Any, Any, Delivery]]


async def ask_and_sleep(worker: Worker) -> Delivery:
    """As a worker does it that has free slots beside what it runs: ask, sleep, ask again."""
    while True:
        if deliveries := await worker.claim(1):
            return deliveries[0]
        await worker.broker.wait(worker.epoch, LONG_S)


async def claim_asleep(worker: Worker) -> Delivery:
    """As an idle worker does it: ask, then claim in its sleep, again and again."""
    turn = await worker.exchange(want=1)
    while not turn.deliveries:
        turn = await worker.asleep(LONG_S if turn.next_due_ms is None else turn.next_due_ms / 1000)
    return turn.deliveries[0]


@pytest.fixture(params=[ask_and_sleep, claim_asleep], ids=["wait", "claim"])
def next_job(request: pytest.FixtureRequest) -> Waiting:
    """Both ways to sleep."""
    way: Waiting = request.param
    return way


Idle = Callable[..., Awaitable[tuple[Worker, "asyncio.Task[Delivery]"]]]


@pytest.fixture
def idle(keep: Keep, next_job: Waiting) -> Idle:
    """Makes a worker that has found nothing and sleeps."""

    async def made(name: str = "a", broker: Broker | None = None) -> tuple[Worker, asyncio.Task[Delivery]]:
        worker = await keep.worker(name, broker)
        return worker, await asleep(keep, next_job(worker))

    return made


async def asleep(keep: Keep, waiting: Coroutine[Any, Any, Delivery]) -> "asyncio.Task[Delivery]":
    task = asyncio.create_task(waiting)
    await keep.let_sleep(task)
    return task


async def test_a_job_wakes_an_idle_worker(keep: Keep, idle: Idle) -> None:
    _, task = await idle()

    await keep.second().enqueue([job := keep.job()])

    assert (await soon(task)).job.id == job.id


async def test_jobs_for_two_wake_two(keep: Keep, idle: Idle) -> None:
    _, anna = await idle("anna")
    _, bert = await idle("bert", keep.second())

    jobs = await keep.put_many(2)

    woken = {(await soon(anna)).job.id, (await soon(bert)).job.id}
    assert woken == {job.id for job in jobs}


@pytest.mark.parametrize("next_job", [ask_and_sleep], indirect=True)
async def test_a_sleeper_that_dies_takes_no_job_along(keep: Keep, idle: Idle) -> None:
    _, anna = await idle("anna")
    _, bert = await idle("bert", keep.second())
    anna.cancel()

    job = await keep.put()

    assert (await soon(bert)).job.id == job.id
    assert anna.cancelled() or anna.cancelling()


async def test_a_job_that_becomes_due_wakes_an_idle_worker(keep: Keep, next_job: Waiting) -> None:
    job = await keep.put(delay_ms=60_000)
    keep.travel(59_800)
    worker = await keep.worker()

    delivery = await soon(next_job(worker))

    assert delivery.job.id == job.id


async def test_a_job_scheduled_while_all_sleep_is_not_overslept(keep: Keep, idle: Idle) -> None:
    _, task = await idle()

    await keep.second().enqueue([job := keep.job(delay_ms=100)])

    assert (await soon(task)).job.id == job.id


@pytest.mark.parametrize("outcome", [retrying, requeued])
async def test_a_job_that_waits_for_its_time_wakes_who_put_it_back(
    keep: Keep, outcome: Callable[[Delivery, int], Outcome], next_job: Waiting
) -> None:
    worker, delivery = await keep.running()
    await worker.settle(outcome(delivery, 100))

    again = await soon(next_job(worker))

    assert again.job.id == delivery.job.id


async def test_a_job_another_has_put_back_for_later_is_not_overslept(keep: Keep, idle: Idle) -> None:
    anna, delivery = await keep.running("anna")
    _, task = await idle("bert", keep.second())

    await anna.settle(retrying(delivery, 100))

    assert (await soon(task)).tries == 2


async def test_a_firing_of_a_schedule_wakes_an_idle_worker(keep: Keep, idle: Idle) -> None:
    mark = (await keep.broker.watermarks(["nightly"]))["nightly"]
    _, task = await idle()

    await keep.second().stage([Occurrence("nightly", mark + 1, job := keep.job())])

    assert (await soon(task)).job.id == job.id


async def test_each_way_back_into_the_queue_wakes_an_idle_worker(keep: Keep, idle: Idle, next_job: Waiting) -> None:
    """A job that was handed back, replayed, rescheduled or resumed is work like any other."""
    anna, delivery = await keep.running("anna")
    bert, task = await idle("bert", keep.second())
    job_id = delivery.job.id

    await anna.leave()
    delivery = await soon(task)
    await bert.settle(failure(delivery))
    task = await asleep(keep, next_job(bert))
    await keep.broker.replay([job_id])
    delivery = await soon(task)
    await bert.settle(retrying(delivery, 600_000))
    task = await asleep(keep, next_job(bert))
    await keep.broker.reschedule([job_id], keep.now_ms)
    delivery = await soon(task)

    assert (delivery.job.id, delivery.tries) == (job_id, 2)


async def test_resuming_wakes_an_idle_worker(keep: Keep, idle: Idle) -> None:
    await keep.broker.pause()
    job = await keep.put()
    _, task = await idle()

    await keep.second().resume()

    assert (await soon(task)).job.id == job.id


async def test_what_was_taken_back_wakes_an_idle_worker(keep: Keep, idle: Idle) -> None:
    _, delivery = await keep.running("anna")
    keep.outlast_lease()
    _, task = await idle("bert")

    await keep.second().reap()

    assert (await soon(task)).crashes == 1
    assert delivery.job.id == task.result().job.id


async def test_what_the_dead_held_wakes_an_idle_worker(keep: Keep, idle: Idle) -> None:
    dead, delivery = await keep.running("anna")
    _, task = await idle("bert")

    await keep.second().reap([dead.epoch])

    assert (await soon(task)).crashes == 1
    assert delivery.job.id == task.result().job.id


async def test_waiting_consumes_nothing(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.broker.wait(worker.epoch, 0.01)
    job = await keep.put()

    await soon(keep.broker.wait(worker.epoch, LONG_S))
    await soon(keep.broker.wait(worker.epoch, 0.01))

    assert await keep.state(job.id) is State.QUEUED
    assert ids(await worker.claim(5)) == [job.id]


async def test_waiting_ends_when_the_time_is_over(keep: Keep) -> None:
    worker = await keep.worker()
    begun = time.monotonic()

    await soon(keep.broker.wait(worker.epoch, 0.02))

    assert time.monotonic() - begun < 2


async def test_a_claim_ends_empty_when_the_time_is_over(keep: Keep) -> None:
    worker = await keep.worker()
    job = await keep.put(delay_ms=600_000)

    turn = await soon(worker.asleep(0.02))

    assert (*turn.answers, *turn.deliveries) == ()
    assert turn.next_due_ms is not None
    assert await keep.state(job.id) is State.SCHEDULED


async def test_a_claim_that_was_cut_off_claims_nothing_later(keep: Keep) -> None:
    worker = await keep.worker()
    await worker.claim()
    sleeper = asyncio.create_task(worker.asleep(LONG_S))
    await keep.let_sleep(sleeper)
    sleeper.cancel()
    await asyncio.wait([sleeper])
    assert (await worker.repeat()).deliveries == []

    job = await keep.put()

    assert await keep.state(job.id) is State.QUEUED
    assert ids(await soon(worker.claim())) == [job.id]


@pytest.mark.parametrize("pause", range(0, 24, 2))
async def test_what_a_claim_brought_as_it_was_cut_off_is_told_again(keep: Keep, pause: int) -> None:
    """Whether it was made is not known then; asking under its number tells, and the job is claimed once."""
    worker = await keep.worker()
    await worker.claim()
    sleeper = asyncio.create_task(worker.asleep(LONG_S))
    await keep.let_sleep(sleeper)
    enqueuing = asyncio.create_task(keep.second().enqueue([job := keep.job()]))
    for _ in range(pause):
        await asyncio.sleep(0)
    sleeper.cancel()
    await asyncio.wait([sleeper, enqueuing])

    deliveries = list((await worker.repeat()).deliveries)
    beat = await worker.beat()
    deliveries += await worker.claim()

    assert (*beat.lost, *beat.unknown) == ()
    assert ids(deliveries) == [job.id]


async def test_a_claim_of_an_epoch_that_is_over_takes_no_job_along(keep: Keep, idle: Idle) -> None:
    anna = await keep.worker("anna")
    await anna.claim()
    sleeper = asyncio.create_task(anna.asleep(LONG_S))
    await keep.let_sleep(sleeper)
    await keep.second().leave(anna.epoch)
    _, bert = await idle("bert", keep.second())

    job = await keep.put()

    assert (await soon(bert)).job.id == job.id
    sleeper.cancel()
    await asyncio.wait([sleeper])


async def test_a_claim_in_a_paused_queue_brings_nothing(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.broker.pause()
    job = await keep.put()

    assert (await soon(worker.asleep(0.02))).deliveries == []
    assert await keep.state(job.id) is State.QUEUED
