"""A loop that stands still for less than a lease loses nothing by it, and one that never goes on loses its jobs."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ardiq_django import Ardiq, State
from tests.engine.house import SOON_S, House, end_of, seen, soon, until

LEASE_MS = 2_000
LONG_LEASE_MS = 4_000  # a third of it is more than a loaded machine keeps a thread waiting


@asynccontextmanager
async def working_elsewhere(house: House, app: Ardiq) -> AsyncIterator[None]:
    """A worker on an event loop of its own, in a thread of its own."""
    ending = asyncio.create_task(house.in_thread(lambda: asyncio.run(app.run())))
    try:
        yield
    finally:
        app.stop(now=True)
        await soon(ending)


class Stall:
    """A task that lets the event loop it runs on stand still."""

    def __init__(self) -> None:
        self.entered, self.let_go = threading.Event(), threading.Event()

    async def body(self) -> str:
        self.entered.set()
        assert self.let_go.wait(SOON_S)
        return "by the one that stood still"


@pytest.fixture
def stall() -> Stall:
    return Stall()


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if words in record.getMessage()]


async def lease_end_ms(app: Ardiq) -> int:
    (row,) = await app.broker.workers()
    return row.lease_end_ms


async def test_a_loop_that_stands_still_keeps_its_lease_for_a_whole_one_and_loses_it_then(
    house: House, stall: Stall, caplog: pytest.LogCaptureFixture
) -> None:
    still, other = house.app(idle_timeout_ms=LONG_LEASE_MS), house.app(idle_timeout_ms=LONG_LEASE_MS)

    @other.task(name="stall")
    async def take_over() -> str:
        return "by the other"

    still.task(name="stall", max_retries=0)(stall.body)
    job = await take_over.enqueue()
    async with working_elsewhere(house, still):
        await seen(stall.entered)
        began_ms = await other.broker.now_ms()
        await until(lambda: bool(said(caplog, "event loop stands still")))
        kept_until_ms = await lease_end_ms(other)
        async with house.working(other):
            result = await end_of(job)
            stall.let_go.set()
            await until(lambda: bool(said(caplog, "outcome refused") or said(caplog, "lease lost")))
            await until(lambda: bool(said(caplog, "event loop goes on")))

    assert kept_until_ms >= began_ms + LONG_LEASE_MS
    assert (result.value, [attempt.event for attempt in result.attempts]) == ("by the other", ["crashed"])
    assert "self.let_go.wait" in said(caplog, "event loop stands still")[0]


async def test_a_loop_that_goes_on_within_the_lease_finishes_its_job(
    house: House, stall: Stall, caplog: pytest.LogCaptureFixture
) -> None:
    still, other = house.app(idle_timeout_ms=LEASE_MS), house.app(idle_timeout_ms=LEASE_MS)
    still.task(name="stall", max_retries=0)(stall.body)

    @other.task(name="stall", max_retries=0)
    async def take_over() -> str:
        return "by the other"

    job = await take_over.enqueue()
    async with working_elsewhere(house, still):
        await seen(stall.entered)
        claimed_until_ms = await lease_end_ms(other)
        async with house.working(other):
            await until(lambda: bool(said(caplog, "event loop stands still")))
            assert await house.state(job) is State.RUNNING
            stall.let_go.set()
            result = await end_of(job)
            (kept_until_ms,) = [
                row.lease_end_ms for row in await other.broker.workers() if row.card.worker_id == still.worker_id
            ]

    assert kept_until_ms > claimed_until_ms
    assert (result.value, result.attempts) == ("by the one that stood still", ())


async def test_while_the_loop_ticks_nothing_is_renewed_beside_it(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app(idle_timeout_ms=3 * LEASE_MS)  # a busy machine stands still for a while, too
    renewed: list[str] = []
    real = app.broker.renew

    async def noted(epoch: str) -> None:
        renewed.append(epoch)
        await real(epoch)

    monkeypatch.setattr(app.broker, "renew", noted)

    @app.task
    async def breathe() -> None:
        claimed_until_ms = await lease_end_ms(app)
        while await lease_end_ms(app) <= claimed_until_ms:  # noqa: ASYNC110
            await asyncio.sleep(0.01)

    async with house.working(app):
        for _ in range(2):
            await end_of(await breathe.enqueue())

    assert renewed == []
    assert said(caplog, "event loop") == []


@pytest.fixture(autouse=True)
def _loud(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ardiq.worker")
