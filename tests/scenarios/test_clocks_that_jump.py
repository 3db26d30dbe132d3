"""A clock that jumps, as after a suspend: nobody's job is taken, nothing is early, times are the broker's."""

import asyncio
import time

import pytest

from ardiq_django import Ardiq, State
from tests.contract.conftest import on_database
from tests.engine.house import House, end_of, until

LEASE_MS = 1_500
JUMPS = 4


async def test_a_jump_of_the_brokers_clock_costs_no_living_worker_its_job(house: House) -> None:
    apps = [house.app(worker_id=name, idle_timeout_ms=LEASE_MS, concurrency=1) for name in ("a", "b")]
    let_go = asyncio.Event()
    runs: list[int] = []

    async def hold(number: int) -> None:
        runs.append(number)
        await let_go.wait()

    for app in apps:
        app.task(hold)
    async with house.working(*apps):
        jobs = [await apps[0].send("hold", number) for number in range(2)]
        for job in jobs:
            await house.until_state(job, State.RUNNING)
        for _ in range(JUMPS):
            house.travel(100 * LEASE_MS)
            await until(lambda: has_renewed(apps[0], 2))
        let_go.set()
        results = [await end_of(job) for job in jobs]

    assert sorted(runs) == [0, 1]
    assert [result.attempts for result in results] == [(), ()]


async def has_renewed(app: Ardiq, workers: int) -> bool:
    """Whether each has a lease again: those of before the jump are over."""
    rows = await app.broker.workers()
    return len(rows) == workers and all(row.lease_end_ms > row.now_ms for row in rows)


# memory and SQLite have no other clock than the host's
@pytest.mark.parametrize("address", ["redis", on_database("postgres", "postgres")], indirect=True)
@pytest.mark.parametrize("shift_s", [3_600, -3_600])
async def test_a_jump_of_a_hosts_clock_changes_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, shift_s: int
) -> None:
    app = house.app(idle_timeout_ms=LEASE_MS)
    let_go = asyncio.Event()

    @app.task
    async def hold() -> None:
        await let_go.wait()

    true_ns = time.time_ns
    async with house.working(app):
        job, later = await hold.enqueue(), await hold.options(delay_ms=3_600_000).enqueue()
        await house.until_state(job, State.RUNNING)
        before_ms = await app.broker.now_ms()
        monkeypatch.setattr(time, "time_ns", lambda: true_ns() + shift_s * 10**9)
        (lease_ms,) = [row.lease_end_ms for row in await app.broker.workers()]
        await until(lambda: has_beaten(app, lease_ms + LEASE_MS))
        let_go.set()
        result = await end_of(job)
        after_ms = await app.broker.now_ms()
        state = await house.state(later)

    assert (result.success, result.attempts) == (True, ())
    assert before_ms <= result.finish <= after_ms
    assert state is State.SCHEDULED


async def has_beaten(app: Ardiq, until_ms: int) -> bool:
    return all(row.lease_end_ms > until_ms for row in await app.broker.workers())
