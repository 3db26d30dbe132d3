"""Idle workers sleep until there is work."""

import asyncio
import time
from collections.abc import Callable

import pytest

from ardiq_django.brokers.base import Broker
from ardiq_django.results import State
from ardiq_django.wire import Delivery, Occurrence, Outcome
from tests.contract.keep import Keep, Worker, ids, soon
from tests.contract.makers import failure, requeued, retrying

LONG_S = 30.0  # never waited for


async def next_job(worker: Worker) -> Delivery:
    """As an idle worker does it: ask, sleep, ask again."""
    while True:
        if deliveries := await worker.claim(1):
            return deliveries[0]
        await worker.broker.wait(worker.epoch, LONG_S)


async def idle(keep: Keep, name: str = "a", broker: Broker | None = None) -> tuple[Worker, asyncio.Task[Delivery]]:
    """A worker that has found nothing and sleeps."""
    worker = await keep.worker(name, broker)
    task = asyncio.create_task(next_job(worker))
    await keep.let_sleep(task)
    return worker, task


async def test_a_job_wakes_an_idle_worker(keep: Keep) -> None:
    _, task = await idle(keep)

    await keep.second().enqueue([job := keep.job()])

    assert (await soon(task)).job.id == job.id


async def test_jobs_for_two_wake_two(keep: Keep) -> None:
    _, anna = await idle(keep, "anna")
    _, bert = await idle(keep, "bert", keep.second())

    jobs = await keep.put_many(2)

    woken = {(await soon(anna)).job.id, (await soon(bert)).job.id}
    assert woken == {job.id for job in jobs}


async def test_a_sleeper_that_dies_takes_no_job_along(keep: Keep) -> None:
    _, anna = await idle(keep, "anna")
    _, bert = await idle(keep, "bert", keep.second())
    anna.cancel()

    job = await keep.put()

    assert (await soon(bert)).job.id == job.id
    assert anna.cancelled() or anna.cancelling()


async def test_a_job_that_becomes_due_wakes_an_idle_worker(keep: Keep) -> None:
    job = await keep.put(delay_ms=60_000)
    keep.travel(59_800)
    worker = await keep.worker()

    delivery = await soon(next_job(worker))

    assert delivery.job.id == job.id


async def test_a_job_scheduled_while_all_sleep_is_not_overslept(keep: Keep) -> None:
    _, task = await idle(keep)

    await keep.second().enqueue([job := keep.job(delay_ms=100)])

    assert (await soon(task)).job.id == job.id


@pytest.mark.parametrize("outcome", [retrying, requeued])
async def test_a_job_that_waits_for_its_time_wakes_who_put_it_back(
    keep: Keep, outcome: Callable[[Delivery, int], Outcome]
) -> None:
    worker, delivery = await keep.running()
    await worker.settle(outcome(delivery, 100))

    again = await soon(next_job(worker))

    assert again.job.id == delivery.job.id


async def test_a_job_another_has_put_back_for_later_is_not_overslept(keep: Keep) -> None:
    anna, delivery = await keep.running("anna")
    _, task = await idle(keep, "bert", keep.second())

    await anna.settle(retrying(delivery, 100))

    assert (await soon(task)).tries == 2


async def test_a_firing_of_a_schedule_wakes_an_idle_worker(keep: Keep) -> None:
    mark = (await keep.broker.watermarks(["nightly"]))["nightly"]
    _, task = await idle(keep)

    await keep.second().stage([Occurrence("nightly", mark + 1, job := keep.job())])

    assert (await soon(task)).job.id == job.id


async def test_each_way_back_into_the_queue_wakes_an_idle_worker(keep: Keep) -> None:
    """A job that was handed back, replayed, rescheduled or resumed is work like any other."""
    anna, delivery = await keep.running("anna")
    bert, task = await idle(keep, "bert", keep.second())
    job_id = delivery.job.id

    await anna.leave()
    delivery = await soon(task)
    task = await fails_and_sleeps(keep, bert, delivery)
    await keep.broker.replay([job_id])
    delivery = await soon(task)
    await bert.settle(retrying(delivery, 600_000))
    task = asyncio.create_task(next_job(bert))
    await keep.let_sleep(task)
    await keep.broker.reschedule([job_id], keep.now_ms)
    delivery = await soon(task)

    assert (delivery.job.id, delivery.tries) == (job_id, 2)


async def fails_and_sleeps(keep: Keep, worker: Worker, delivery: Delivery) -> "asyncio.Task[Delivery]":
    await worker.settle(failure(delivery))
    task = asyncio.create_task(next_job(worker))
    await keep.let_sleep(task)
    return task


async def test_resuming_wakes_an_idle_worker(keep: Keep) -> None:
    await keep.broker.pause()
    job = await keep.put()
    _, task = await idle(keep)

    await keep.second().resume()

    assert (await soon(task)).job.id == job.id


async def test_what_was_taken_back_wakes_an_idle_worker(keep: Keep) -> None:
    _, delivery = await keep.running("anna")
    keep.outlast_lease()
    _, task = await idle(keep, "bert")

    await keep.second().reap()

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
