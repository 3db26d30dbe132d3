"""A signature that changes under jobs that wait, a short job behind long ones, and a herd that comes back at once."""

import asyncio
import logging

import pytest

from ardiq_django import BrokerError, State
from ardiq_django.worker.report import Report
from ardiq_django.worker.upkeep import LONGEST_WAIT_S, Patience
from tests.engine.house import House, end_of

HERD = 60


async def test_a_job_that_does_not_fit_a_new_signature_fails_at_once_and_can_be_run_again(house: House) -> None:
    old, new, mended = house.app(), house.app(), house.app()
    runs: list[tuple[int, str]] = []

    async def first(order: int) -> None: ...

    async def second(order: int, currency: str) -> None:
        runs.append((order, currency))

    async def third(order: int, currency: str = "EUR") -> None:
        runs.append((order, currency))

    for app, body in ((old, first), (new, second), (mended, third)):
        app.task(name="pay", max_retries=3)(body)
    job = await old.send("pay", 7)
    await house.burst(new)
    failed = await end_of(job)
    assert await new.replay(job.id)
    await house.burst(mended)
    result = await end_of(job)

    assert (failed.success, failed.tries) == (False, 1)
    assert "missing a required argument: 'currency'" in str(failed.value)
    assert (result.success, runs) == (True, [(7, "EUR")])


async def test_a_short_job_does_not_wait_behind_a_long_one_while_another_worker_is_free(house: House) -> None:
    busy, free = (house.app(worker_id=name, concurrency=1) for name in ("busy", "free"))
    let_go = asyncio.Event()

    async def hold() -> None:
        await let_go.wait()

    async def short(number: int) -> int:
        return number

    for app in (busy, free):
        app.task(short)
    busy.task(hold)
    async with house.working(busy):
        long = await busy.send("hold")
        await house.until_state(long, State.RUNNING)
        jobs = [await busy.send("short", number) for number in range(5)]
        async with house.working(free):
            values = [(await end_of(job)).value for job in jobs]
        let_go.set()
        await end_of(long)

    assert values == list(range(5))


async def test_workers_that_miss_their_broker_do_not_come_back_as_a_herd(caplog: pytest.LogCaptureFixture) -> None:
    herd = [Patience(Report("q", f"w-{number}")) for number in range(HERD)]

    with caplog.at_level(logging.WARNING, "ardiq"):
        for _ in range(2):
            await asyncio.gather(*(one.endure(BrokerError("away")) for one in herd))

    waits = [one._wait_s for one in herd]
    assert len(set(waits)) == HERD
    assert max(waits) < LONGEST_WAIT_S
    assert max(waits) > 2 * min(waits)


async def test_what_failed_together_is_not_tried_again_together(house: House) -> None:
    app = house.app(concurrency=HERD)

    @app.task(max_retries=1, backoff_ms=60_000)
    async def fail() -> None:
        raise OSError("downstream is away")

    jobs = await app.enqueue_many(fail.prepare() for _ in range(HERD))
    await house.burst(app)
    found = [await app.broker.get(job.id) for job in jobs]

    due = sorted(one.due_ms for one in found if one)
    assert len(set(due)) > HERD // 2
    assert due[-1] - due[0] > 4_000
