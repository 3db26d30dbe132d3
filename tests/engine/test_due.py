"""Jobs that wait for their time, and jobs whose time is over."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ardiq_django import ConfigError, State, TaskInfo
from ardiq_django.clock import now_ms
from tests.engine.house import House, end_of, soon

HOUR_MS = 3_600_000


async def test_a_delayed_job_runs_when_its_time_has_come(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> str:
        return "ran"

    job = await note.options(delay_ms=60_000).enqueue()
    await house.burst(app)
    assert await job.status() == "scheduled"
    house.travel(60_000)
    await house.burst(app)

    assert (await end_of(job)).value == "ran"


@pytest.mark.parametrize(
    "options",
    [
        lambda: {"delay_ms": HOUR_MS},
        lambda: {"delay": timedelta(hours=1)},
        lambda: {"schedule_ms": now_ms() + HOUR_MS},
        lambda: {"at": datetime.now(UTC) + timedelta(hours=1)},
    ],
)
async def test_a_delay_and_a_moment_may_be_written_in_several_ways(house: House, options: Any) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> None: ...

    job = await note.options(**options()).enqueue(1)
    info = await job.info()

    assert info is not None
    assert info.scheduled_at is not None
    assert abs(info.scheduled_at - now_ms() - HOUR_MS) < 60_000
    assert info == TaskInfo(job.id, "note", (1,), {}, info.enqueue_time, 0, info.status, info.scheduled_at)
    assert info.status == "scheduled"


async def test_a_moment_that_is_past_means_now(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    jobs = [
        await note.options(schedule_ms=1).enqueue(),
        await note.options(at=datetime(2020, 1, 1, tzinfo=UTC)).enqueue(),
    ]

    assert [await job.status() for job in jobs] == ["queued", "queued"]


async def test_jobs_become_due_in_the_order_of_their_times(house: House) -> None:
    app = house.app(concurrency=1)
    order: list[int] = []

    @app.task
    async def note(number: int) -> None:
        order.append(number)

    for number in (3, 1, 2):
        await note.options(delay_ms=number * 1_000).enqueue(number)
    house.travel(4_000)
    await house.burst(app)

    assert order == [1, 2, 3]


async def test_a_worker_that_waits_runs_a_job_when_it_becomes_due(house: House) -> None:
    app = house.app(poll_block_ms=60_000)
    ran = asyncio.Event()

    @app.task
    async def note() -> None:
        ran.set()

    async with house.working(app):
        await note.options(delay_ms=200).enqueue()
        await soon(ran.wait())


async def test_the_queue_counts_what_waits_and_not_what_runs(house: House) -> None:
    app = house.app(concurrency=1)
    entered, let_go = asyncio.Event(), asyncio.Event()

    @app.task
    async def hold() -> None:
        entered.set()
        await let_go.wait()

    running, _, _ = [await hold.enqueue(), await hold.enqueue(), await hold.options(delay_ms=HOUR_MS).enqueue()]
    async with house.working(app):
        await soon(entered.wait())
        assert await app.queue_size() == 2
        assert await running.status() == "running"
        info = await running.info()
        assert info is not None
        assert (info.tries, info.scheduled_at) == (1, None)
        let_go.set()


async def test_a_job_that_was_not_started_in_its_window_ends_as_expired(house: House) -> None:
    app = house.app()
    runs: list[str] = []

    @app.task(expire_ms=1_000)
    async def note(name: str) -> None:
        runs.append(name)

    late = await note.enqueue("late")
    patient = await note.options(expire_ms=10_000).enqueue("patient")
    house.travel(5_000)

    result = await late.result()
    assert result is not None
    assert (result.success, result.expired, result.aborted) == (False, True, False)
    assert "expired" in str(result.value)
    await house.burst(app)
    assert runs == ["patient"]
    assert (await end_of(patient)).success
    assert await house.state(late) is State.EXPIRED


async def test_a_delayed_job_whose_window_closes_expires_without_a_worker(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    job = await note.options(delay_ms=500, expire_ms=1_000).enqueue()
    house.travel(5_000)

    assert await job.status() == "complete"
    assert (await end_of(job)).expired


async def test_the_window_is_over_once_the_first_attempt_started(house: House) -> None:
    app = house.app()

    @app.task(expire_ms=1_000, backoff_ms=[5_000])
    async def second_time() -> str:
        if len(tries) < 1:
            tries.append(1)
            raise ValueError("once")
        return "ran"

    tries: list[int] = []
    job = await second_time.enqueue()
    await house.burst(app)
    assert await house.state(job) is State.RETRYING
    house.travel(10_000)
    await house.burst(app)

    assert (await end_of(job)).value == "ran"


@pytest.mark.parametrize(
    ("declared", "given"),
    [
        ({}, {"delay_ms": 5_000, "expire_ms": 1_000}),
        ({"expire_ms": 1_000}, {"delay_ms": 5_000}),
        ({"expire_ms": 1_000}, {"at": datetime(2100, 1, 1, tzinfo=UTC)}),
        ({}, {"schedule_ms": 4_000_000_000_000, "expire_ms": 1_000}),
    ],
)
async def test_a_delay_beyond_the_window_raises_at_the_call(
    house: House, declared: dict[str, Any], given: dict[str, Any]
) -> None:
    app = house.app()

    note = app.task(**declared)(print)

    with pytest.raises(ConfigError, match="beyond the window expire_ms=1000"):
        await note.options(**given).enqueue()
    assert (await note.options(**(given | {"expire_ms": 0})).enqueue()).created


async def test_a_waiter_hears_of_an_expiry_though_no_worker_runs(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    job = await note.options(expire_ms=100).enqueue()

    assert (await end_of(job)).expired
