"""What Ardiq's page on its Python API lists, with nothing changed but the import."""

import asyncio
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from ardiq_django import Job, Task, TaskInfo, TaskResult
from tests.engine.house import soon, until
from tests.seed.working import Make, drain, is_status, working


async def test_the_app_takes_what_the_page_lists_and_tells_what_it_is(make: Make) -> None:
    app = make(
        priorities=["low", "high"],
        serializer=lambda value: json.dumps(value).encode(),
        deserializer=json.loads,
        cron_poll_s=0.5,
        concurrency=4,
        prefetch=None,
        idle_timeout_ms=30_000,
        result_ttl_ms=60_000,
        burst=False,
    )

    @app.task
    async def pair(a: int, b: str) -> list[Any]:
        return [a, b]

    job = await pair.enqueue(1, b="two")
    assert app.burst is False
    app.burst = True
    await soon(app.run())

    assert app.worker_id
    assert app.tasks == ["pair"]
    assert (await job.result()).value == [1, "two"]  # type: ignore[union-attr]


async def test_cron_takes_an_expression_or_an_interval_and_the_options_of_a_task(make: Make) -> None:
    app = make(priorities=["low", "default"], cron_poll_s=0.05)
    ran = asyncio.Event()

    @app.cron("*/5 * * * *", name="tidy", max_retries=1, backoff_ms=5, timeout=10, priority="low")
    async def sweep() -> None: ...

    @app.cron(every=timedelta(seconds=1))
    async def beat() -> None:
        ran.set()

    async with working(app):
        await soon(ran.wait())

    assert isinstance(sweep, Task)
    assert (sweep.name, sweep.priority) == ("tidy", "low")
    both_and_none: list[dict[str, Any]] = [{}, {"spec": "* * * * *", "every": 5}]
    for wrong in both_and_none:
        with pytest.raises((TypeError, ValueError)):
            app.cron(**wrong)(sweep.fn)


async def test_the_app_reads_by_id_and_stops_when_asked(make: Make) -> None:
    app = make()
    begun, go_on = asyncio.Event(), asyncio.Event()

    @app.task
    async def wait(a: int, *, b: int = 0) -> int:
        begun.set()
        await go_on.wait()
        return a + b

    now, later = await wait.enqueue(1, b=2), await wait.options(delay_ms=60_000).enqueue(3)
    assert await app.queue_size() == 2
    assert [await app.status(one) for one in (now.id, later.id, "nobody")] == ["queued", "scheduled", "not_found"]
    assert await app.result(now.id) is None
    async with working(app):
        await soon(begun.wait())
        await until(lambda: is_status(app, now.id, "running"))
        info = await app.info(now.id)
        with pytest.raises(TimeoutError):
            await app.result(now.id, timeout=0.05)
        go_on.set()
        result = await app.result(now.id, timeout=15)

    assert isinstance(info, TaskInfo)
    assert (info.task_id, info.fn_name, info.args, info.kwargs) == (now.id, "wait", (1,), {"b": 2})
    assert (info.tries, info.status, info.scheduled_at) == (1, "running", None)
    assert result is not None
    assert (await app.status(now.id), await app.info(now.id)) == ("complete", None)


async def test_a_job_is_a_handle_that_does_not_change(make: Make) -> None:
    app = make()

    @app.task
    async def add(a: int, b: int) -> int:
        return a + b

    job = await add.enqueue(2, 3)

    assert isinstance(job, Job)
    assert job.app is app
    with pytest.raises(AttributeError):
        job.id = "another"  # type: ignore[misc]
    assert await job.status() == "queued"
    assert (await job.info()).fn_name == "add"  # type: ignore[union-attr]
    assert await job.result() is None


async def test_a_result_has_six_fields_and_a_duration(make: Make) -> None:
    app = make()

    @app.task
    async def nap() -> str:
        await asyncio.sleep(0.02)
        return "rested"

    before = int(time.time() * 1000)
    job = await nap.enqueue()
    await drain(app)
    result = await job.result()

    assert isinstance(result, TaskResult)
    assert isinstance(result, tuple)
    success, value, tries, enqueue_time, start, finish = result
    assert (success, value, tries) == (True, "rested", 1)
    assert (result.success, result.value, result.tries) == (success, value, tries)
    assert (result.enqueue_time, result.start, result.finish) == (enqueue_time, start, finish)
    assert before - 1_000 <= enqueue_time <= start + 5 <= finish + 5
    assert result.duration_ms == finish - start >= 15
    assert result._fields == ("success", "value", "tries", "enqueue_time", "start", "finish")
