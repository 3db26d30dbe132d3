"""Schedules made while the program runs: kept by the broker, fired by whatever workers there are."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest

from ardiq_django import Schedule, current_task
from ardiq_django.clock import now_ms
from ardiq_django.keywords import MissedTimes
from ardiq_django.plan import Planned
from tests.engine.house import House, end_of, soon, until

HOUR_MS = 3_600_000
OFTEN = {"cron_poll_s": 0.02}


def later(ms: int) -> datetime:
    return datetime.fromtimestamp((now_ms() + ms) / 1000, UTC)


async def test_two_workers_fire_each_time_once(house: House) -> None:
    apps = [house.app(**OFTEN) for _ in range(2)]
    fired: list[tuple[str, str, str]] = []

    async def mail(to: str, subject: str = "?") -> None:
        fired.append((current_task().task_id, to, subject))

    tasks = [app.task(mail) for app in apps]
    schedule = await tasks[0].schedule_by_interval(0.2, "ada", subject="hello")
    async with house.working(*apps):
        await until(lambda: len(fired) >= 5)

    assert {(to, subject) for _, to, subject in fired} == {("ada", "hello")}
    moments = [int(task_id.removeprefix(f"cron:{schedule.id}:")) for task_id, _, _ in fired]
    assert sorted(moments) == list(range(min(moments), max(moments) + 1, 200))


async def test_one_that_fires_once_does_so_and_is_gone(house: House) -> None:
    app = house.app(**OFTEN)
    fired = asyncio.Event()

    @app.task
    async def ring() -> str:
        fired.set()
        return "rung"

    at = later(300)
    schedule = await ring.schedule_by_time(at)
    began_ms = now_ms()
    async with house.working(app):
        await soon(fired.wait())
        result = await end_of(app.job(f"cron:{schedule.id}:{round(at.timestamp() * 1000)}"))

    assert result.value == "rung"
    assert result.start >= began_ms + 200
    assert await schedule.info() is None
    assert await app.schedules() == []


async def test_a_time_that_is_over_means_now(house: House) -> None:
    app = house.app(**OFTEN)
    fired = asyncio.Event()

    @app.task
    async def ring() -> None:
        fired.set()

    await ring.schedule_by_time(later(-HOUR_MS))
    async with house.working(app):
        await soon(fired.wait())


def _grown(fired: Sequence[object], known: int) -> bool:
    return len(fired) > known


async def test_a_restart_loses_no_fire_time_and_makes_none_twice(house: House) -> None:
    fired: list[int] = []

    async def tick() -> None:
        fired.append(int(current_task().task_id.rpartition(":")[2]))

    for _ in range(3):
        app = house.app(**OFTEN)
        # as a program does that plans at each start
        await app.task(tick).options(schedule_id="tick", misfire="all").schedule_by_interval(3600)
        house.travel(HOUR_MS)
        known = len(fired)
        async with house.working(app):
            await until(partial(_grown, fired, known))

    assert len(fired) == 3
    assert [moment - fired[0] for moment in fired] == [0, HOUR_MS, 2 * HOUR_MS]


@pytest.mark.parametrize(("misfire", "hours"), [("skip", []), ("once", [3]), ("all", [1, 2, 3])])
async def test_what_was_missed_follows_the_policy(house: House, misfire: MissedTimes, hours: list[int]) -> None:
    app = house.app(**OFTEN)
    fired: list[int] = []

    @app.task
    async def hourly() -> None:
        fired.append(int(current_task().task_id.rpartition(":")[2]))

    began = now_ms()
    schedule = await hourly.options(misfire=misfire).schedule_by_cron("0 * * * *")
    to_the_hour = HOUR_MS - began % HOUR_MS
    house.travel(to_the_hour + 2 * HOUR_MS + HOUR_MS // 2)
    async with house.working(app):
        await until(lambda: _goes_on(schedule, began + to_the_hour + 3 * HOUR_MS))
        await until(lambda: len(fired) >= len(hours))

    assert fired == [began + to_the_hour + (hour - 1) * HOUR_MS for hour in hours]


async def _goes_on(schedule: Schedule, next_ms: int) -> bool:
    info = await schedule.info()
    return info is not None and info.next_fire == next_ms


async def test_a_time_that_the_clocks_skip_fires_after_the_gap_and_one_that_they_repeat_once(house: House) -> None:
    app = house.app(**OFTEN)
    fired: list[str] = []

    @app.task
    async def nightly() -> None:
        moment = datetime.fromtimestamp(int(current_task().task_id.rpartition(":")[2]) / 1000, UTC)
        fired.append(moment.strftime("%m-%d %H:%M"))

    def at(month: int, day: int, hour: int, minute: int = 0) -> int:
        return int(datetime(2031, month, day, hour, minute, tzinfo=UTC).timestamp() * 1000)

    house.travel(at(3, 29, 12) - now_ms())
    zone = nightly.options(timezone="Europe/Vienna", misfire="once")
    await zone.schedule_by_cron("30 2 * * *")
    async with house.working(app):
        for moment in (at(3, 30, 1, 10), at(10, 26, 0, 35), at(10, 26, 1, 45), at(10, 27, 1, 35)):
            known = len(fired)
            house.travel(moment - await app.broker.now_ms())
            if moment != at(10, 26, 1, 45):
                await until(partial(_grown, fired, known))

    # 30 March: 02:30 is skipped, 03:00 CEST is 01:00 UTC; 26 October: 02:30 CEST is 00:30 UTC, and comes again as CET
    assert fired == ["03-30 01:00", "10-26 00:30", "10-27 01:30"]


async def test_a_cancelled_schedule_fires_no_more(house: House) -> None:
    app = house.app(**OFTEN)
    fired: list[str] = []

    @app.task
    async def tick(name: str) -> None:
        fired.append(name)

    cancelled = await tick.schedule_by_interval(0.05, "cancelled")
    await tick.schedule_by_interval(0.05, "other")
    async with house.working(app):
        await until(lambda: "cancelled" in fired)
        first = await cancelled.cancel()
        await until(lambda: _is_idle(house))
        known = fired.count("cancelled")
        others = fired.count("other")
        await until(lambda: fired.count("other") >= others + 3)

    assert (first, await cancelled.cancel()) == (True, False)
    assert fired.count("cancelled") == known
    assert await cancelled.info() is None


async def _is_idle(house: House) -> bool:
    return await house._apps[0].broker.size() == 0


async def test_a_disabled_schedule_fires_again_from_when_it_is_enabled(house: House) -> None:
    app = house.app(**OFTEN)
    fired: list[int] = []

    @app.task
    async def hourly() -> None:
        fired.append(int(current_task().task_id.rpartition(":")[2]))

    schedule = await hourly.options(misfire="all").schedule_by_interval(3600)
    await schedule.disable()
    house.travel(5 * HOUR_MS)
    assert await schedule.enable()
    assert await schedule.enable()
    house.travel(HOUR_MS)
    async with house.working(app):
        await until(lambda: len(fired) == 1)
        await until(lambda: _is_idle(house))

    info = await schedule.info()
    assert info is not None
    assert (info.enabled, info.last_fire) == (True, fired[0])
    assert fired[0] > now_ms() + 5 * HOUR_MS


async def test_what_coalesces_waits_for_the_end_of_its_last_job(house: House) -> None:
    app = house.app(**OFTEN)
    planned: list[str] = []
    declared: list[str] = []
    others: list[str] = []
    done = asyncio.Event()

    @app.task
    async def slow(seen: str) -> None:
        (planned if seen == "planned" else others).append(seen)
        if seen == "planned":
            await done.wait()

    @app.cron(every=0.05, coalesce=True)
    async def ticking() -> None:
        declared.append("declared")
        await done.wait()

    await slow.options(coalesce=True).schedule_by_interval(0.05, "planned")
    await slow.schedule_by_interval(0.05, "other")
    async with house.working(app):
        await until(lambda: len(others) >= 4 and bool(planned) and bool(declared))
        alone = (len(planned), len(declared))
        done.set()
        await until(lambda: len(planned) > 1 and len(declared) > 1)

    assert alone == (1, 1)


async def test_a_task_that_no_worker_knows_waits_for_one_that_does(house: House) -> None:
    old, new = house.app(**OFTEN), house.app(**OFTEN)
    fired = asyncio.Event()

    @new.task
    async def fresh() -> None:
        fired.set()

    schedule = await new.ref("fresh").schedule_by_time(later(-1))
    async with house.working(old):
        await until(lambda: _is_gone(schedule))
    async with house.working(new):
        await soon(fired.wait())


async def _is_gone(schedule: Schedule) -> bool:
    return await schedule.info() is None


async def test_nothing_fires_in_burst(house: House) -> None:
    app = house.app(**OFTEN)

    @app.task
    async def tick() -> None: ...

    schedule = await tick.schedule_by_time(later(-1))
    await tick.enqueue()
    await house.burst(app)

    assert not await _is_gone(schedule)


async def test_a_schedule_that_cannot_be_worked_out_does_not_stop_others(house: House) -> None:
    app = house.app(**OFTEN)
    fired = asyncio.Event()

    @app.task
    async def tick() -> None:
        fired.set()

    bad = await tick.schedule_by_cron("0 7 * * 1")
    (row,) = (await app.broker.schedules.page()).rows
    spoilt = msgspec.structs.replace(row.plan, timezone="Atlantis/Poseidonis")
    await app.broker.schedules.plan([Planned(spoilt, row.mark_ms, row.mark_ms)])
    await tick.schedule_by_time(later(-1))
    async with house.working(app):
        await soon(fired.wait())

    info = await bad.info()
    assert info is not None
    assert info.next_fire is not None
    assert info.next_fire > now_ms() + 30_000
