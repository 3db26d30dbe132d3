"""A schedule as its user holds it: what is told of it, what is refused, and its sync twins."""

import gc
import logging
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import pytest

from ardiq_django import (
    ArdiqError,
    ConfigError,
    ContextProvider,
    EnqueueContext,
    PayloadError,
    Schedule,
    Status,
    current_task,
)
from ardiq_django.clock import now_ms
from tests.engine.house import House, end_of, until

HOUR_MS = 3_600_000
OFTEN = {"cron_poll_s": 0.02}


def later(ms: int) -> datetime:
    return datetime.fromtimestamp((now_ms() + ms) / 1000, UTC)


async def test_what_is_told_of_a_schedule(house: House) -> None:
    app = house.app()

    @app.task(labels={"by": "task"}, expire_ms=5_000)
    async def mail(to: str, copies: int = 1) -> None: ...

    with_options = mail.options(
        schedule_id="weekly",
        timezone="Europe/Vienna",
        misfire="once",
        coalesce=True,
        priority="low",
        labels={"team": 7},
    )
    schedule = await with_options.schedule_by_cron("0 7 * * 1", "ada", copies=2)
    info = await schedule.info()

    assert schedule == app.schedule("weekly")
    assert info is not None
    assert info[:11] == (
        "weekly",
        "mail",
        ("ada",),
        {"copies": 2},
        "0 7 * * 1",
        0,
        0,
        "Europe/Vienna",
        "once",
        True,
        "low",
    )
    assert dict(info.labels) == {"by": "task", "team": 7, "schedule_id": "weekly"}
    assert (info.enabled, info.last_fire, info.last_task_id) == (True, None, None)
    assert info.next_fire is not None
    assert 0 < info.next_fire - now_ms() <= 7 * 24 * HOUR_MS + HOUR_MS
    assert await app.schedules() == [info]
    assert await app.schedules(search="MAIL") == [info]
    assert await app.schedules(search="report") == []


async def test_one_can_be_run_now_also_while_it_is_disabled(house: House) -> None:
    app = house.app()

    @app.task
    async def mail(to: str) -> str:
        return to

    schedule = await mail.schedule_by_cron("0 7 * * 1", "ada")
    before = await schedule.info()
    assert await schedule.disable()
    job = await schedule.run_now()
    await house.burst(app)

    assert (await end_of(job)).value == "ada"
    assert (job.created, (await end_of(job)).labels) == (True, {"schedule_id": schedule.id})
    assert await schedule.info() == before._replace(enabled=False, next_fire=None) if before else False


async def test_an_unknown_schedule_is_told(house: House) -> None:
    schedule = house.app().schedule("weekly")

    assert (await schedule.info(), await schedule.cancel()) == (None, False)
    assert (await schedule.enable(), await schedule.disable()) == (False, False)
    with pytest.raises(ArdiqError, match="has no schedule 'weekly'"):
        await schedule.run_now()


async def test_what_is_wrong_is_told_where_it_is_written(house: House) -> None:
    app = house.app()

    @app.task
    async def mail(to: str) -> None: ...

    @app.cron("0 3 * * *")
    async def nightly() -> None: ...

    with pytest.raises(TypeError, match=r"mail\(to: str\).* cannot be called so: missing"):
        await mail.schedule_by_cron("0 7 * * 1")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="argument 'to'"):
        await mail.schedule_by_cron("0 7 * * 1", object())  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="is not valid: give five fields"):
        await mail.schedule_by_cron("every day", "ada")
    with pytest.raises(ConfigError, match="give an aware datetime"):
        await mail.schedule_by_time(datetime(2031, 1, 1), "ada")
    with pytest.raises(ConfigError, match="at least one millisecond"):
        await mail.schedule_by_interval(timedelta(0), "ada")
    with pytest.raises(ConfigError, match="only a cron expression has a time zone"):
        await mail.options(timezone="UTC").schedule_by_interval(5, "ada")
    with pytest.raises(ConfigError, match="takes no timezone, misfire or coalesce"):
        await mail.options(coalesce=True).schedule_by_time(later(1), "ada")
    with pytest.raises(ConfigError, match="timezone='Mars' is not a known time zone"):
        await mail.options(timezone="Mars").schedule_by_cron("0 7 * * 1", "ada")
    with pytest.raises(ConfigError, match="misfire='often'"):
        mail.options(misfire="often")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="task_id='a' is of one job"):
        await mail.options(task_id="a").schedule_by_cron("0 7 * * 1", "ada")
    with pytest.raises(ConfigError, match="a task of this name is scheduled in code"):
        await nightly.options(schedule_id="nightly").schedule_by_cron("0 7 * * 1")
    with pytest.raises(ConfigError, match="mail: timezone='UTC', coalesce=True for a schedule, and this is one job"):
        await mail.options(timezone="UTC", coalesce=True).enqueue("ada")
    assert await app.schedules() == []


async def test_a_schedule_can_be_made_and_asked_where_no_loop_runs(house: House) -> None:
    app = house.app(**OFTEN)

    @app.task
    async def mail(to: str) -> str:
        return to

    def view() -> tuple[Schedule, list[str]]:
        schedules = [
            mail.schedule_by_cron_sync("0 7 * * 1", "ada"),
            mail.schedule_by_interval_sync(timedelta(days=1), "ada"),
            mail.options(schedule_id="once").schedule_by_time_sync(later(HOUR_MS), "ada"),
        ]
        listed = [info.id for info in app.schedules_sync()]
        assert sorted(listed) == sorted(schedule.id for schedule in schedules)
        assert [schedule.cancel_sync() for schedule in schedules[:2]] == [True, True]
        once = schedules[2]
        assert once.disable_sync()
        assert once.enable_sync()
        assert once.info_sync() == app.schedules_sync()[0]
        return once, [once.run_now_sync().id]

    once, ids = await house.in_thread(view)
    await house.burst(app)

    assert await app.status(ids[0]) is Status.COMPLETE
    assert await once.cancel()


async def test_a_job_of_a_schedule_has_its_options(house: House) -> None:
    app = house.app(**OFTEN)

    @app.task
    async def mail() -> None: ...

    schedule = await mail.options(
        priority="high", expire_ms=60_000, labels={"team": 7}, misfire="all"
    ).schedule_by_interval(3600)
    house.travel(HOUR_MS)
    async with house.working(app):
        await until(lambda: _has_fired(schedule))
    info = await schedule.info()

    assert info is not None
    snapshot = await app.broker.get(str(info.last_task_id))
    assert snapshot is not None
    assert (snapshot.job.lane, snapshot.job.expire_ms) == ("high", 60_000)
    assert dict(snapshot.job.labels) == {"team": 7, "schedule_id": schedule.id}


async def _has_fired(schedule: Schedule) -> bool:
    info = await schedule.info()
    return info is not None and info.last_fire is not None


async def test_what_is_wrong_is_told_at_the_call_and_what_nobody_awaits_in_the_log(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app()

    @app.task
    async def mail(to: str) -> None: ...

    with pytest.raises(ConfigError, match="is not valid"):
        _ = mail.schedule_by_cron("every day", "ada")
    with caplog.at_level(logging.ERROR, "ardiq"):
        forgotten = mail.schedule_by_cron("0 7 * * 1", "ada")
        del forgotten
        gc.collect()

    assert "a schedule of task mail was never awaited" in caplog.text
    assert "test_schedule_handles.py" in caplog.text
    assert await app.schedules() == []


async def test_the_context_is_that_of_the_planning_and_the_hooks_see_each_job(house: House) -> None:
    app = house.app(**OFTEN)
    said: list[tuple[str, object]] = []
    tenant = ["planner"]
    app.add_context(ContextProvider("tenant", lambda: tenant[0], lambda value: nullcontext()))

    @app.on_enqueue
    def mark(context: EnqueueContext) -> None:
        context.labels["marked"] = tenant[0]

    @app.task
    async def mail() -> None:
        said.append((current_task().headers["tenant"], current_task().labels["marked"]))

    await mail.schedule_by_interval(0.1)
    tenant[0] = "worker"
    async with house.working(app):
        await until(lambda: len(said) >= 2)

    assert set(said) == {("planner", "worker")}


async def test_a_context_that_cannot_be_carried_is_told_at_the_call(house: House) -> None:
    app = house.app()
    app.add_context(ContextProvider("tenant", object, lambda value: nullcontext()))

    @app.task
    async def mail() -> None: ...

    with pytest.raises(PayloadError, match="headers tenant cannot be carried"):
        await mail.schedule_by_interval(60)


async def test_one_that_is_declared_in_code_is_run_disabled_and_enabled_by_the_name_of_its_task(house: House) -> None:
    app, runs = house.app(cron_poll_s=0.02), list[int]()

    @app.cron(every=0.05, name="often")
    async def often() -> None:
        runs.append(1)

    schedule = app.schedule("often")
    assert await schedule.disable()
    async with house.working(app):
        job = await schedule.run_now()
        await end_of(job)
        mark_ms = (await app.broker.schedules.standings(["often"]))["often"].mark_ms

        async def has_moved_on() -> bool:
            return (await app.broker.schedules.standings(["often"]))["often"].mark_ms > mark_ms + 200

        await until(has_moved_on)
        assert len(runs) == 1
        assert await schedule.enable()
        await until(lambda: len(runs) > 2)

    assert not await schedule.cancel()
    assert await schedule.info() is None
