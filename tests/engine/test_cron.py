"""Schedules in code: each fire time once, whatever the number of workers and whoever slept."""

import asyncio

import pytest

from ardiq_django import ConfigError, current_task
from ardiq_django.clock import now_ms
from ardiq_django.keywords import MissedTimes
from tests.engine.house import House, soon, until

HOUR_MS = 3_600_000


async def test_two_workers_fire_every_occurrence_once(house: House) -> None:
    apps = [house.app(cron_poll_s=0.05) for _ in range(2)]
    fired: list[str] = []

    async def tick() -> None:
        fired.append(current_task().task_id)

    for app in apps:
        app.cron(every=0.2)(tick)
    async with house.working(*apps):
        await until(lambda: len(fired) >= 5)

    assert len(set(fired)) == len(fired)
    moments = [int(task_id.removeprefix("cron:tick:")) for task_id in fired]
    assert all(moment % 200 == 0 for moment in moments)
    assert sorted(moments) == list(range(min(moments), max(moments) + 1, 200))
    assert apps[0].crons == ["tick"]


@pytest.mark.parametrize(("misfire", "hours"), [("skip", []), ("once", [3]), ("all", [1, 2, 3])])
async def test_what_was_missed_follows_the_policy(house: House, misfire: MissedTimes, hours: list[int]) -> None:
    app = house.app(cron_poll_s=0.02)
    fired: list[int] = []
    last = asyncio.Event()

    @app.cron("0 * * * *", misfire=misfire)
    async def hourly() -> None:
        fired.append(int(current_task().task_id.rpartition(":")[2]))

    @app.cron(every=0.1)
    async def looked_at() -> None:
        last.set()

    began = now_ms()
    await app.broker.watermarks(["hourly"])
    to_the_hour = HOUR_MS - began % HOUR_MS
    house.travel(to_the_hour + 2 * HOUR_MS + HOUR_MS // 2)
    async with house.working(app):
        await soon(last.wait())
        await until(lambda: len(fired) >= len(hours))

    first = began + to_the_hour
    assert fired == [first + (hour - 1) * HOUR_MS for hour in hours]


async def test_a_new_schedule_starts_at_now_and_a_known_one_goes_on(house: House) -> None:
    app = house.app(cron_poll_s=0.02)
    fired: list[int] = []

    @app.cron("0 * * * *", misfire="all")
    async def hourly() -> None:
        fired.append(1)

    @app.cron(every=0.5)
    async def tick() -> None:
        ticked.set()

    ticked = asyncio.Event()
    async with house.working(app):
        await soon(ticked.wait())
    assert fired == []
    house.travel(HOUR_MS)
    async with house.working(app):
        await until(lambda: len(fired) == 1)


async def test_nothing_fires_in_burst(house: House) -> None:
    app = house.app(cron_poll_s=0.01)
    fired: list[int] = []

    @app.cron(every=0.01)
    async def tick() -> None:
        fired.append(1)

    @app.task
    async def last() -> None:
        await asyncio.sleep(0.1)

    await last.enqueue()
    await house.burst(app)

    assert fired == []


async def test_a_scheduled_task_can_also_be_enqueued(house: House) -> None:
    app = house.app(priorities=["low", "high"])

    @app.cron("0 3 * * *", priority="high", labels={"by": "clock"}, timezone="Europe/Berlin")
    async def nightly() -> str:
        return str(current_task().labels["by"])

    job = await nightly.enqueue()
    await house.burst(app)
    result = await job.result()

    assert result is not None
    assert result.value == "clock"


async def test_a_wrong_schedule_declares_nothing(house: House) -> None:
    app = house.app()

    with pytest.raises(ConfigError, match="is not valid: give five fields"):
        app.cron("every day")(_fine)
    with pytest.raises(ConfigError, match="misfire='often': give one of 'skip', 'once', 'all'"):
        app.cron("* * * * *", misfire="often")(_fine)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"_needs\(number: int\) -> None cannot be called so: missing"):
        app.cron("* * * * *")(_needs)
    with pytest.raises(TypeError, match="a task has no option 'retries'"):
        app.cron("* * * * *", retries=3)(_fine)  # type: ignore[call-arg]

    assert (app.tasks, app.crons) == ([], [])


async def _fine() -> None: ...


async def _needs(number: int) -> None: ...
