"""Async middleware around sync tasks: what it awaits can be cut off, the thread under it is told and awaited."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ardiq_django import State, TaskContext, current_task
from tests.engine.house import House, end_of, seen, soon

Next = Callable[[], Awaitable[Any]]


async def test_what_a_coroutine_waits_for_around_a_thread_can_be_cut_off(house: House) -> None:
    app = house.app()

    @app.middleware
    async def hangs(context: TaskContext, call_next: Next) -> Any:
        await asyncio.sleep(60)

    @app.task(timeout=0.05, max_retries=0)
    def late() -> None: ...

    @app.task
    def aborted() -> None: ...

    async with house.working(app):
        timed_out = await end_of(await late.enqueue())
        job = await aborted.enqueue()
        await house.until_state(job, State.RUNNING)
        await job.abort()
        ended = await end_of(job)

    assert timed_out.value == "timed out after 0.05s"
    assert ended.aborted


async def test_a_thread_under_a_coroutine_is_told_and_awaited(house: House) -> None:
    app = house.app(concurrency=1)
    began, told = threading.Event(), threading.Event()

    @app.middleware
    async def surround(context: TaskContext, call_next: Next) -> Any:
        return await call_next()

    @app.task
    def works() -> str:
        began.set()
        while not current_task().aborted:
            threading.Event().wait(0.001)
        told.set()
        return "too late"

    job = await works.enqueue()
    async with house.working(app):
        await seen(began)
        await job.abort()
        result = await end_of(job)
        after = await works.options(task_id="next").enqueue()
        await house.until_state(after, State.RUNNING)  # the slot is free again
        await after.abort()

    assert told.is_set()
    assert (result.aborted, result.success) == (True, False)


async def test_a_thread_that_is_overdue_under_a_coroutine_is_told_of(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app()

    @app.middleware
    async def surround(context: TaskContext, call_next: Next) -> Any:
        return await call_next()

    @app.on_error
    async def slow(context: Any) -> None:
        await asyncio.sleep(0.2)

    @app.task(timeout=0.1, max_retries=0)
    def in_a_thread() -> None:
        while not current_task().aborted:
            threading.Event().wait(0.001)

    @app.task(timeout=0.1, max_retries=0)
    async def on_the_loop() -> None:
        raise ValueError("long before its time is over")

    async with house.working(app):
        results = [await end_of(await app.send(name)) for name in ("in_a_thread", "on_the_loop")]

    assert results[0].value == "timed out after 0.1s"
    assert results[1].value == "ValueError('long before its time is over')"
    overdue = [record.getMessage() for record in caplog.records if "thread still busy" in record.getMessage()]
    assert [message.split("task=")[1].split()[0] for message in overdue] == ["in_a_thread"]


async def test_a_limit_of_middleware_does_not_leave_a_thread_behind(house: House) -> None:
    app = house.app(concurrency=1)
    running: list[str] = []
    together: list[int] = []

    @app.middleware
    async def limit(context: TaskContext, call_next: Next) -> Any:
        async with asyncio.timeout(0.02):
            return await call_next()

    @app.task(max_retries=0)
    def works(name: str) -> None:
        running.append(name)
        together.append(len(running))
        threading.Event().wait(0.1)
        running.remove(name)

    jobs = [await works.enqueue(name) for name in "ab"]
    async with house.working(app):
        results = [await end_of(job) for job in jobs]

    assert together == [1, 1]
    assert [result.value for result in results] == ["TimeoutError()"] * 2


async def test_a_thread_that_ends_within_a_stop_counts(house: House) -> None:
    app = house.app()
    began, go_on = threading.Event(), threading.Event()

    @app.middleware
    async def surround(context: TaskContext, call_next: Next) -> Any:
        return await call_next()

    @app.task
    def works() -> str:
        began.set()
        go_on.wait(10)
        return "done"

    job = await works.enqueue()
    worker = asyncio.create_task(app.run())
    await seen(began)
    app.stop()
    await asyncio.sleep(0)
    go_on.set()
    await soon(worker)

    assert (await end_of(job)).value == "done"
