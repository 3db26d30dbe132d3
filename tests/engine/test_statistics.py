"""What became of real jobs, as the statistics tell it."""

import asyncio
import time
from typing import Any

import pytest

from ardiq_django import Ardiq, Reject, Requeue, Retry, current_task
from ardiq_django.clock import now_ms
from ardiq_django.statistics import BEGUN, MOST_TASKS, Figures, Resolution
from tests.engine.house import House, end_of, soon, until


async def totals(app: Ardiq) -> dict[str, Figures]:
    return await app.broker.totals(Resolution.HOUR, 0, now_ms() + 10_000_000)


def ends(figures: Figures) -> dict[str, int]:
    names = ("begun", "succeeded", "failed", "retried", "aborted")
    return {name: getattr(figures, name) for name in names if getattr(figures, name)}


async def test_successes_are_counted_on_the_loop_and_in_threads(house: House) -> None:
    app = house.app()

    @app.task
    async def add(a: int, b: int) -> int:
        return a + b

    @app.task
    def add_in_thread(a: int, b: int) -> int:
        return a + b

    for number in range(5):
        await add.enqueue(number, 1)
        await add_in_thread.enqueue(number, 1)
    await house.burst(app)

    assert {task: ends(figures) for task, figures in (await totals(app)).items()} == {
        "add": {"begun": 5, "succeeded": 5},
        "add_in_thread": {"begun": 5, "succeeded": 5},
    }


async def test_failures_and_what_follows_them_are_told_apart(house: House) -> None:
    app = house.app()

    @app.task(max_retries=3)
    async def at_the_third() -> None:
        if current_task().tries < 3:
            raise Retry("not yet", delay_ms=0)

    @app.task(max_retries=1, backoff_ms=[0])
    def never() -> None:
        raise ValueError("no")

    @app.task
    async def refuse() -> None:
        raise Reject("no")

    @app.task
    async def once_more() -> None:
        if not current_task().requeues:
            raise Requeue()

    jobs = [await task.enqueue() for task in (at_the_third, never, refuse, once_more)]
    await house.burst(app)

    assert [(await end_of(job)).success for job in jobs] == [True, False, False, True]
    assert {task: ends(figures) for task, figures in (await totals(app)).items()} == {
        "at_the_third": {"begun": 3, "succeeded": 1, "retried": 2},
        "never": {"begun": 2, "failed": 1, "retried": 1},
        "refuse": {"begun": 1, "failed": 1},
        "once_more": {"begun": 2, "succeeded": 1},
    }


async def test_an_abort_of_a_running_job_is_counted_and_one_of_a_waiting_job_is_not(house: House) -> None:
    app = house.app(concurrency=1)
    entered = asyncio.Event()

    @app.task
    async def endless() -> None:
        entered.set()
        await asyncio.Event().wait()

    async with house.working(app):
        running = await endless.enqueue()
        await soon(entered.wait())
        waiting = await endless.enqueue()
        assert await waiting.abort()
        assert await running.abort()
        await end_of(running)

    assert ends((await totals(app))["endless"]) == {"begun": 1, "aborted": 1}


async def test_what_a_stop_hands_back_has_begun_and_not_ended(house: House) -> None:
    app = house.app()
    entered = asyncio.Event()

    @app.task
    async def endless() -> None:
        entered.set()
        await asyncio.Event().wait()

    async with house.working(app):
        await endless.enqueue()
        await soon(entered.wait())

    assert ends((await totals(app))["endless"]) == {"begun": 1}


async def test_how_long_jobs_waited_and_ran_is_told(house: House) -> None:
    app = house.app(concurrency=1)

    @app.task
    def sleep(seconds: float) -> None:
        time.sleep(seconds)

    jobs = [await sleep.enqueue(seconds) for seconds in (0.05, 0.3)]
    await house.burst(app)

    figures = (await totals(app))["sleep"]
    results = [await end_of(job) for job in jobs]
    ran = [result.finish - result.start for result in results]
    waited = [result.start - result.enqueue_time for result in results]
    assert [figures.run_ms(0.5), figures.run_ms(1)] == pytest.approx(sorted(ran), rel=0.13)
    # it begins in the moment in which it is handed out, or a few milliseconds later
    assert [figures.wait_ms(0.5), figures.wait_ms(1)] == pytest.approx(sorted(waited), rel=0.13, abs=20)


async def test_the_workers_of_a_queue_add_up(house: House) -> None:
    apps = [house.app(concurrency=2) for _ in range(3)]

    async def nothing() -> None:
        await asyncio.sleep(0)

    tasks = [app.task(nothing) for app in apps]
    for _ in range(30):
        await tasks[0].enqueue()
    await asyncio.gather(*map(house.burst, apps))

    assert ends((await totals(apps[0]))["nothing"]) == {"begun": 30, "succeeded": 30}


async def test_a_worker_tells_while_it_works(house: House, monkeypatch: Any) -> None:
    monkeypatch.setattr("ardiq_django.worker.worker.TOLD_EVERY_S", 0.02)
    app = house.app()

    @app.task
    async def nothing() -> None: ...

    async def is_told(number: int) -> bool:
        told = (await totals(app)).get("nothing")
        return told is not None and ends(told) == {"begun": number, "succeeded": number}

    async with house.working(app):
        for number in (1, 2, 3):
            await nothing.enqueue()
            await until(lambda number=number: is_told(number))  # type: ignore[misc]

    assert await is_told(3)


async def test_jobs_beyond_the_tasks_that_are_named_are_summed(house: House) -> None:
    app = house.app(unknown_task_grace_s=0)
    for number in range(MOST_TASKS + 3):
        await app.send(f"unknown-{number}")
    await house.burst(app)

    told = await totals(app)

    assert len(told) == MOST_TASKS + 1
    assert ends(told[""]) == {"begun": 3, "failed": 3}
    assert sum(figures.cells[BEGUN] for figures in told.values()) == MOST_TASKS + 3
