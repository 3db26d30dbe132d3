"""Reading jobs: results now or when they come, for as long as they are kept, and what the five words say."""

import asyncio
import json
import math
from typing import Any

import pytest

from ardiq_django import ConfigError, Job, State, gather
from tests.engine.house import SOON_S, House, end_of, soon, until


async def test_a_result_is_none_until_there_is_one(house: House) -> None:
    app = house.app()

    @app.task
    async def add(a: int) -> int:
        return a + 1

    job = await add.enqueue(1)

    assert await job.result() is None
    assert not await job.is_ready()
    await house.burst(app)
    result = await job.result()
    assert result is not None
    assert result.value == 2
    assert await job.is_ready()
    assert await job.info() is None


async def test_waiting_with_a_timeout_raises_when_nothing_comes(house: House) -> None:
    app = house.app()

    @app.task
    async def never() -> None: ...

    job = await never.enqueue()

    with pytest.raises(TimeoutError, match="has not ended within"):
        await job.result(timeout=0.05)
    with pytest.raises(TimeoutError):
        await job.result(timeout=0)
    with pytest.raises(TimeoutError):
        await job.result(timeout=-1)


async def test_one_may_wait_for_ever(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> int:
        return 1

    job = await note.enqueue()
    waiter = asyncio.create_task(job.result(math.inf))
    async with house.working(app):
        result = await soon(waiter)

    assert result is not None
    assert result.value == 1


async def test_a_waiter_wakes_when_the_job_ends(house: House) -> None:
    app, reader = house.app(), house.app()
    let_go = asyncio.Event()

    @app.task
    async def hold() -> str:
        await let_go.wait()
        return "done"

    job = await hold.enqueue()
    waiters = [asyncio.create_task(one.job(job.id).result(SOON_S)) for one in (app, reader, reader)]
    async with house.working(app):
        await house.until_state(job, State.RUNNING)
        let_go.set()
        results = await soon(asyncio.gather(*waiters))

    assert [result and result.value for result in results] == ["done"] * 3


async def test_a_job_nobody_enqueued_may_be_waited_for_all_the_same(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> int:
        return 1

    waiter = asyncio.create_task(app.result("mine", timeout=SOON_S))
    async with house.working(app):
        await note.options(task_id="mine").enqueue()
        result = await soon(waiter)

    assert result is not None
    assert result.value == 1


async def test_an_unknown_job_has_no_result_no_info_and_nothing_to_abort(house: House) -> None:
    app = house.app()

    assert await app.status("nobody") == "not_found"
    assert await app.result("nobody") is None
    assert await app.info("nobody") is None
    assert await app.abort("nobody") is False
    assert await app.job("nobody").progress() is None
    assert app.job("nobody").created is None


async def test_gather_keeps_the_order_of_its_jobs(house: House) -> None:
    app = house.app(concurrency=1)

    @app.task
    async def echo(number: int) -> int:
        return number

    jobs = await app.enqueue_many(echo.prepare(number) for number in range(5))
    async with house.working(app):
        results = await gather(*reversed(jobs), timeout=SOON_S)

    assert [result and result.value for result in results] == [4, 3, 2, 1, 0]


async def test_the_status_of_a_job_through_its_life(house: House) -> None:
    app = house.app()
    let_go = asyncio.Event()

    @app.task
    async def hold() -> None:
        await let_go.wait()

    job = await hold.options(delay_ms=1_000).enqueue()
    words = [await job.status()]
    house.travel(2_000)
    async with house.working(app):
        await house.until_state(job, State.RUNNING)
        words.append(await job.status())
        let_go.set()
        await end_of(job)
    words.append(await job.status())

    assert words == ["scheduled", "running", "complete"]


@pytest.mark.parametrize(
    ("options", "age_ms", "readable"),
    [
        ({}, 0, True),
        ({"result_ttl_ms": 60_000}, 50_000, True),
        ({"result_ttl_ms": 60_000}, 70_000, False),
        ({"result_ttl_ms": 0}, 0, False),
        ({"result_ttl_ms": -1}, 86_400_000, True),
        ({"save_result": False}, 0, False),
    ],
)
async def test_a_result_is_kept_for_as_long_as_its_task_says(
    house: House, options: dict[str, Any], age_ms: int, readable: bool
) -> None:
    app = house.app()
    job = await app.task(**options)(one).enqueue()
    await house.burst(app)

    house.travel(age_ms)
    result = await job.result(timeout=SOON_S)

    assert (result is not None) is readable
    assert await job.status() == "complete"


async def one() -> int:
    return 1


async def test_a_failure_can_be_read_though_results_are_not_kept(house: House) -> None:
    app = house.app()

    @app.task(save_result=False, max_retries=0)
    async def fail() -> None:
        raise ValueError("no")

    job = await fail.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == "ValueError('no')"


async def test_a_result_that_nobody_keeps_need_not_be_serialisable(house: House) -> None:
    app = house.app()

    @app.task(save_result=False)
    async def odd() -> object:
        return object()

    job = await odd.enqueue()
    await house.burst(app)

    assert await house.state(job) is State.SUCCEEDED


async def test_an_app_may_bring_its_own_serializer(house: House) -> None:
    options = {"serializer": lambda value: json.dumps(value).encode(), "deserializer": json.loads}
    app, reader = house.app(**options), house.app(**options)

    @app.task(unique=True)
    async def pair(a: int, b: int = 0) -> tuple[int, int]:
        return a, b

    job, again = await pair.enqueue(1, b=2), await pair.enqueue(b=2, a=1)
    info = await job.info()
    await house.burst(app)
    result = await reader.result(job.id)

    assert (again.id, again.created) == (job.id, False)
    assert info is not None
    assert (info.args, info.kwargs) == ((1,), {"b": 2})
    assert result is not None
    assert result.value == [1, 2]
    with pytest.raises(ConfigError, match="belong together"):
        house.app(serializer=repr)


async def test_progress_is_seen_while_the_job_runs(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardiq_django.worker.heartbeat.NEWS_EVERY_S", 0.05)
    app = house.app()
    let_go = asyncio.Event()

    @app.task(takes_context=True)
    async def count(context: Any) -> None:
        await context.progress(3, total=10, message="rows")
        await let_go.wait()

    async with house.working(app):
        job = await count.enqueue()

        async def told() -> bool:
            return await job.progress() is not None

        await until(told)
        progress = await job.progress()
        let_go.set()
        await end_of(job)

    assert progress is not None
    assert (progress.current, progress.total, progress.message) == (3, 10, "rows")


async def test_labels_come_back_with_the_result(house: House) -> None:
    app = house.app()

    @app.task(labels={"a": 1})
    async def note() -> None: ...

    job = await note.options(labels={"b": "x"}).enqueue()
    await house.burst(app)

    assert (await end_of(job)).labels == {"a": 1, "b": "x"}


@pytest.mark.parametrize("ahead_ms", [600_000, -600_000])
async def test_a_worker_whose_clock_is_wrong_writes_times_of_the_brokers_clock(house: House, ahead_ms: int) -> None:
    app = house.app()
    house.travel(ahead_ms)

    @app.task
    def one_in_a_thread() -> int:
        return 1

    jobs: list[Job[Any]] = [await app.task(one).enqueue(), await one_in_a_thread.enqueue()]
    await house.burst(app)
    now = await app.broker.now_ms()

    for job in jobs:
        result = await job.result()
        assert result is not None
        assert abs(now - result.start) < 60_000
        assert abs(now - result.finish) < 60_000
