"""What a thread can only be told, a process cannot escape: time limits, aborts, stops and lost leases kill it."""

import asyncio
from pathlib import Path

import pytest

from ardiq_django import Ardiq, Job, State
from tests.engine.house import House, end_of, soon, until
from tests.ring.processes import is_alive, lines


@pytest.fixture
def app(bodies_app: Ardiq) -> Ardiq:
    bodies_app.override(concurrency=1)
    return bodies_app


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


async def held(log: Path) -> list[int]:
    """The processes that say they run, once they do."""
    await until(lambda: bool(lines(log)))
    return [int(word) for word in lines(log) if word.isdecimal()]


async def test_an_attempt_that_takes_too_long_is_killed_and_its_slot_is_free(
    house: House, app: Ardiq, log: Path
) -> None:
    job, behind = await app.send("overrun", str(log)), await app.send("add", 1)

    async with house.working(app):
        result = await end_of(job)
        assert not is_alive((await held(log))[0])
        assert (await end_of(behind)).value == 2

    assert (result.success, result.value) == (False, "timed out after 0.2s")
    (attempt,) = result.attempts
    assert attempt.event == "timed out"
    assert attempt.logs.endswith("INFO bodies: half way")
    assert lines(log)[1:] == ["aborted"]


@pytest.mark.parametrize("burst", [False, True])
async def test_an_abort_kills(house: House, app: Ardiq, log: Path, burst: bool) -> None:
    app.override(burst=burst)
    job = await app.send("hold", str(log))
    worker = asyncio.create_task(app.run())
    pid = (await held(log))[0]

    assert await job.abort()
    result = await end_of(job)

    assert not is_alive(pid)
    assert (result.aborted, result.value) == (True, "aborted while it ran")
    assert lines(log)[1:] == ["aborted"]
    app.stop()
    await soon(worker)


async def test_what_the_body_has_started_dies_with_it_however_stubborn_it_is(
    house: House, app: Ardiq, log: Path
) -> None:
    async with house.working(app):
        job = await app.send("hold_with_a_child", str(log))
        await until(lambda: len(lines(log)) >= 2)
        pids = await held(log)
        assert await job.abort()
        assert (await end_of(job)).aborted
        await until(lambda: not any(is_alive(pid) for pid in pids))

    assert "stubborn" in lines(log)


async def test_a_stop_waits_for_what_runs(house: House, app: Ardiq, log: Path, tmp_path: Path) -> None:
    sign = tmp_path / "sign"
    job = await app.send("until_there", str(log), str(sign))
    worker = asyncio.create_task(app.run())
    await held(log)

    app.stop()
    sign.touch()
    await soon(worker)

    assert (await end_of(job)).value == "done"


@pytest.mark.parametrize("how", ["now", "when its time is over", "cancelled"])
async def test_a_stop_kills_what_it_does_not_wait_for_and_hands_it_back(
    house: House, app: Ardiq, log: Path, how: str
) -> None:
    app.override(shutdown_timeout_s=0.05 if how == "when its time is over" else 60)
    job = await app.send("hold", str(log))
    worker = asyncio.create_task(app.run())
    pid = (await held(log))[0]

    app.stop()
    if how == "now":
        app.stop(now=True)
    if how == "cancelled":
        worker.cancel()
    await soon(asyncio.wait([worker]))

    assert not is_alive(pid)
    assert await house.state(job) is State.QUEUED
    snapshot = await app.broker.get(job.id)
    assert snapshot is not None
    assert (snapshot.tries, snapshot.crashes) == (0, 0)


async def test_a_lost_lease_kills_what_ran_in_it(house: House, app: Ardiq, log: Path) -> None:
    app.override(idle_timeout_ms=600)
    job: Job[None] = await app.send("hold", str(log))

    async with house.working(app):
        pid = (await held(log))[0]
        worker = app._worker
        assert worker is not None
        await app.broker.reap(dead=[worker._lease.epoch])
        await until(lambda: not is_alive(pid))
        await job.abort()
        assert (await end_of(job)).aborted
