"""How long records are kept: by age, by number, and never shorter than the result was promised."""

import pytest

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.wire import Acceptance
from tests.contract.keep import Keep, Worker
from tests.contract.makers import failure, success

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


async def succeed(keep: Keep, worker: Worker, number: int = 1, ttl_ms: int = 0) -> list[str]:
    """Jobs that succeed now, one second apart."""
    jobs = await keep.put_many(number)
    for delivery in await worker.claim(number):
        await worker.settle(success(delivery, ttl_ms=ttl_ms, finish_ms=keep.now_ms))
        keep.travel(1_000)
    return [job.id for job in jobs]


async def sweep(keep: Keep) -> None:
    for _ in range(3):  # a sweep goes in bounded steps
        await keep.broker.sweep()


async def kept(keep: Keep, job_ids: list[str]) -> list[str]:
    return [job_id for job_id in job_ids if await keep.broker.get(job_id) is not None]


async def test_a_record_is_kept_for_its_time(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=DAY_MS)
    done = await succeed(keep, await keep.worker(), 2)
    keep.travel(DAY_MS - HOUR_MS)

    await sweep(keep)

    assert await kept(keep, done) == done
    assert (await keep.broker.counts())[State.SUCCEEDED] == 2


async def test_a_record_beyond_its_time_is_removed(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=DAY_MS)
    done = await succeed(keep, await keep.worker(), 2)
    keep.travel(DAY_MS + HOUR_MS)

    await sweep(keep)

    assert await kept(keep, done) == []
    assert (await keep.broker.counts())[State.SUCCEEDED] == 0
    assert (await keep.broker.page(Query())).total == 0


async def test_failures_have_a_time_of_their_own(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=HOUR_MS, failed_ttl_ms=DAY_MS)
    worker, delivery = await keep.running()
    await worker.settle(failure(delivery, ttl_ms=0))
    aborted, expired = await keep.put(), await keep.put(expire_ms=1)
    await keep.broker.abort([aborted.id])
    keep.travel(1_000)
    await sweep(keep)
    ended = [delivery.job.id, aborted.id, expired.id]

    keep.travel(12 * HOUR_MS)
    await sweep(keep)
    half_a_day = await kept(keep, ended)
    keep.travel(13 * HOUR_MS)
    await sweep(keep)

    assert half_a_day == ended
    assert await kept(keep, ended) == []


async def test_the_oldest_records_are_pushed_out_by_number(keep: Keep) -> None:
    keep.ruled(succeeded_max=3)
    done = await succeed(keep, await keep.worker(), 5)

    await sweep(keep)

    assert await kept(keep, done) == done[2:]
    assert (await keep.broker.counts())[State.SUCCEEDED] == 3


async def test_failures_have_a_number_of_their_own(keep: Keep) -> None:
    keep.ruled(succeeded_max=1, failed_max=2)
    worker = await keep.worker()
    jobs = [job.id for job in await keep.put_many(3)]
    for delivery in await worker.claim(3):
        await worker.settle(failure(delivery, ttl_ms=0, finish_ms=keep.now_ms))
        keep.travel(1_000)

    await sweep(keep)

    assert await kept(keep, jobs) == jobs[1:]


async def test_a_result_that_is_still_promised_is_not_pushed_out(keep: Keep) -> None:
    keep.ruled(succeeded_max=2)
    worker = await keep.worker()
    promised = await succeed(keep, worker, 2, ttl_ms=HOUR_MS)
    later = await succeed(keep, worker, 3)
    await sweep(keep)
    within = await kept(keep, promised + later)
    value = (await keep.get(promised[0])).end

    keep.travel(HOUR_MS)
    await sweep(keep)

    assert within == [*promised, *later[1:]]
    assert value is not None
    assert value.value == b"\xa2ok"
    assert await kept(keep, promised + later) == later[1:]


async def test_a_result_without_limit_is_not_pushed_out_by_number(keep: Keep) -> None:
    keep.ruled(succeeded_max=1, succeeded_ttl_ms=DAY_MS)
    worker = await keep.worker()
    endless = await succeed(keep, worker, ttl_ms=-1)
    later = await succeed(keep, worker, 2)
    await sweep(keep)
    within = await kept(keep, endless + later)

    keep.travel(DAY_MS + HOUR_MS)
    await sweep(keep)

    assert within == [endless[0], later[1]]
    assert await kept(keep, endless + later) == []


async def test_a_result_promised_for_longer_outlives_the_history(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=HOUR_MS)
    done = await succeed(keep, await keep.worker(), ttl_ms=2 * HOUR_MS)
    keep.travel(HOUR_MS + HOUR_MS // 2)
    await sweep(keep)
    within = (await keep.get(done[0])).end

    keep.travel(HOUR_MS)
    await sweep(keep)

    assert within is not None
    assert within.value == b"\xa2ok"
    assert await kept(keep, done) == []


@pytest.mark.parametrize("ttl_ms", [0, 1_000])
async def test_the_record_outlives_its_result(keep: Keep, ttl_ms: int) -> None:
    done = await succeed(keep, await keep.worker(), ttl_ms=ttl_ms)
    keep.travel(DAY_MS)

    await sweep(keep)

    assert await keep.state(done[0]) is State.SUCCEEDED
    assert await keep.listed(Query(states=[State.SUCCEEDED])) == done


async def test_an_id_is_free_when_its_record_is_gone(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=HOUR_MS)
    worker, delivery = await keep.running(token="t")
    await worker.settle(success(delivery, ttl_ms=0))
    keep.travel(2 * HOUR_MS)
    await sweep(keep)

    answers = await keep.broker.enqueue([keep.job(id=delivery.job.id, token="u")])

    assert answers == [Acceptance.CREATED]
    assert list((await keep.get(delivery.job.id)).attempts) == []


async def test_what_has_not_ended_is_never_removed(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=HOUR_MS, failed_ttl_ms=HOUR_MS, succeeded_max=0, failed_max=0)
    worker, delivery = await keep.running()
    waiting = await keep.put(), await keep.put(delay_ms=900 * DAY_MS)
    keep.travel(400 * DAY_MS)
    await worker.beat()

    await sweep(keep)

    states = [await keep.state(job_id) for job_id in (delivery.job.id, *(job.id for job in waiting))]
    assert states == [State.RUNNING, State.QUEUED, State.SCHEDULED]


async def test_a_run_that_took_an_old_records_place_is_not_removed_with_it(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=HOUR_MS)
    worker, delivery = await keep.running(token="t")
    await worker.settle(success(delivery, ttl_ms=0))
    keep.travel(HOUR_MS - 60_000)
    await keep.put(id=delivery.job.id, token="u", replaces=True)
    keep.travel(HOUR_MS)

    await sweep(keep)

    assert await keep.state(delivery.job.id) is State.QUEUED
