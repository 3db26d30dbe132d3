"""What Ardiq's page on enqueueing and scheduling shows, with nothing changed but the import."""

import time

from tests.engine.house import until
from tests.seed.working import Make, drain, is_status, working


async def test_enqueue_gives_a_job_with_a_hex_id_at_once(make: Make) -> None:
    app = make()

    @app.task
    async def add(a: int, b: int) -> int:
        return a + b

    job = await add.enqueue(2, 3)
    assert (len(job.id), int(job.id, 16) > 0) == (32, True)
    async with working(app):
        result = await job.result(timeout=5)

    assert result is not None
    assert result.value == 5


async def test_a_delay_and_a_moment_make_a_job_scheduled(make: Make) -> None:
    app = make()

    @app.task
    async def remind(user_id: int) -> int:
        return user_id

    soon_after = await remind.options(delay_ms=200).enqueue(1)
    moment = int(time.time() * 1000) + 3_600_000
    in_an_hour = await remind.options(schedule_ms=moment).enqueue(2)
    info = await in_an_hour.info()

    assert [await job.status() for job in (soon_after, in_an_hour)] == ["scheduled", "scheduled"]
    assert info is not None
    assert (info.status, info.scheduled_at, info.tries) == ("scheduled", moment, 0)
    async with working(app):
        result = await soon_after.result(timeout=15)
    assert result is not None
    assert result.start - result.enqueue_time >= 200


async def test_an_id_of_ones_own_makes_an_enqueue_idempotent(make: Make) -> None:
    app = make()
    ran: list[int] = []

    @app.task
    async def sync_account(account_id: int) -> None:
        ran.append(account_id)

    first = await sync_account.options(task_id="sync:7").enqueue(7)
    second = await sync_account.options(task_id="sync:7").enqueue(7)
    await drain(app)

    assert (first.id, second.id, ran) == ("sync:7", "sync:7", [7])


async def test_a_job_that_waited_too_long_is_dropped(make: Make) -> None:
    app = make()
    ran: list[int] = []

    @app.task
    async def notify(user_id: int) -> None:
        ran.append(user_id)

    job = await notify.options(expire_ms=30).enqueue(1)
    await until(lambda: is_status(app, job.id, "complete"))
    await drain(app)

    assert ran == []
    assert (await job.result()).expired  # type: ignore[union-attr]


async def test_options_go_together(make: Make) -> None:
    app = make(priorities=["low", "default", "high"])

    @app.task
    async def add(a: int, b: int) -> int:
        return a + b

    bound = add.options(task_id="sum", priority="high", delay_ms=50, schedule_ms=0, expire_ms=60_000)
    job = await bound.enqueue(2, 3)
    async with working(app):
        result = await job.result(timeout=15)

    assert result is not None
    assert (job.id, result.value) == ("sum", 5)
