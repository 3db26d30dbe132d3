"""Middleware around each attempt: of async and sync tasks, by coroutine and by function."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from ardiq_django import Retry, TaskContext, current_task
from tests.engine.house import House, end_of

Next = Callable[[], Awaitable[Any]]
SyncNext = Callable[[], Any]
tenant: ContextVar[str] = ContextVar("tenant")


def noting(events: list[str], number: int) -> Callable[..., Any]:
    """A middleware that notes whom it surrounds: 1 and 2 are coroutine functions."""

    async def by_coroutine(context: TaskContext, call_next: Next) -> Any:
        events.append(f"{number} of {context.name}")
        return await call_next()

    def by_function(context: TaskContext, call_next: SyncNext) -> Any:
        events.append(f"{number} of {context.name}")
        return call_next()

    return by_coroutine if number <= 2 else by_function


async def test_the_first_declared_is_the_outermost_and_async_ones_surround_sync_ones(house: House) -> None:
    app = house.app()
    events: list[str] = []
    for number in (3, 1, 4, 2):
        app.middleware(noting(events, number))

    @app.task
    async def on_the_loop() -> None: ...

    @app.task
    def in_a_thread() -> None: ...

    for task in (on_the_loop, in_a_thread):
        await task.enqueue()
        await house.burst(app)

    assert events == ["1 of on_the_loop", "2 of on_the_loop", *(f"{number} of in_a_thread" for number in (1, 2, 3, 4))]


async def test_it_sees_the_call_and_may_change_the_result(house: House) -> None:
    app = house.app()
    calls: list[Any] = []

    @app.middleware
    async def double(context: TaskContext, call_next: Next) -> Any:
        calls.append((context.args, context.kwargs, context.tries, context is current_task()))
        return await call_next() * 2

    @app.middleware
    def plus_one(context: TaskContext, call_next: SyncNext) -> Any:
        return call_next() + 1

    @app.task
    async def on_the_loop(a: int, b: int) -> int:
        return a + b

    @app.task(takes_context=True)
    def in_a_thread(context: TaskContext, a: int, b: int) -> int:
        return a + b

    jobs = [await task.enqueue(2, b=3) for task in (on_the_loop, in_a_thread)]
    await house.burst(app)

    assert [(await end_of(job)).value for job in jobs] == [10, 12]
    assert calls == [((2,), {"b": 3}, 1, True)] * 2


@pytest.mark.parametrize("is_async", [True, False])
async def test_what_it_raises_fails_the_attempt_like_the_task(house: House, is_async: bool) -> None:
    app = house.app()
    bodies: list[int] = []

    def refuse(context: TaskContext) -> None:
        if context.tries == 1:
            raise ValueError("not at first")
        if context.tries == 2:
            raise Retry("nor then")

    async def by_coroutine(context: TaskContext, call_next: Next) -> Any:
        refuse(context)
        return await call_next()

    def by_function(context: TaskContext, call_next: SyncNext) -> Any:
        refuse(context)
        return call_next()

    app.middleware(by_coroutine if is_async else by_function)

    @app.task(backoff_ms=[0])
    def body() -> None:
        bodies.append(1)

    job = await body.enqueue()
    async with house.working(app):
        result = await end_of(job)

    assert (result.success, result.tries, len(bodies)) == (True, 3, 1)
    assert [(one.event, one.message) for one in result.attempts] == [
        ("failed", "not at first"),
        ("retry asked", "nor then"),
    ]


@pytest.mark.parametrize("where", ["on_the_loop", "in_a_thread"])
async def test_it_sees_what_the_task_raises(house: House, where: str) -> None:
    app = house.app()

    @app.middleware
    async def forgive(context: TaskContext, call_next: Next) -> Any:
        try:
            return await call_next()
        except (ValueError, SystemExit) as error:
            return f"forgiven: {error!r}"

    @app.task
    async def on_the_loop(error: str) -> None:
        raise {"value": ValueError(1), "exit": SystemExit(2)}[error]

    @app.task
    def in_a_thread(error: str) -> None:
        raise {"value": ValueError(1), "exit": SystemExit(2)}[error]

    jobs = [await app.send(where, error) for error in ("value", "exit")]
    async with house.working(app):
        values = [(await end_of(job)).value for job in jobs]

    assert values == ["forgiven: ValueError(1)", "forgiven: SystemExit(2)"]


async def test_errors_that_no_future_takes_come_through(house: House) -> None:
    app = house.app()

    @app.middleware
    async def surround(context: TaskContext, call_next: Next) -> Any:
        return await call_next()

    @app.task(max_retries=0)
    def stops() -> None:
        next(iter(()))

    @app.task(max_retries=0)
    def cancels() -> None:
        raise asyncio.CancelledError("odd")

    @app.task(max_retries=0)
    def interrupts() -> None:
        raise KeyboardInterrupt

    async with house.working(app):
        results = [await end_of(await task.enqueue()) for task in (stops, cancels, interrupts)]

    assert [result.success for result in results] == [False] * 3
    assert "StopIteration" in results[0].value
    assert [result.value for result in results[1:]] == ["CancelledError('odd')", "KeyboardInterrupt()"]


async def test_what_it_sets_reaches_the_body_of_its_job_alone(house: House) -> None:
    app = house.app(concurrency=2)

    @app.middleware
    async def enter(context: TaskContext, call_next: Next) -> Any:
        if context.args:
            tenant.set(context.args[0])
        return await call_next()

    @app.task
    async def on_the_loop(*args: str) -> str:
        await asyncio.sleep(0)
        return tenant.get("nobody")

    @app.task
    def in_a_thread(*args: str) -> str:
        return tenant.get("nobody")

    jobs = [await task.enqueue(*args) for task in (on_the_loop, in_a_thread) for args in (["a"], ["b"], [])]
    await house.burst(app)

    assert [(await end_of(job)).value for job in jobs] == ["a", "b", "nobody"] * 2


async def test_a_function_runs_on_the_thread_of_the_task(house: House) -> None:
    app = house.app()
    names: list[str] = []

    @app.middleware
    def surround(context: TaskContext, call_next: SyncNext) -> Any:
        names.append(threading.current_thread().name)
        return call_next()

    @app.task
    def body() -> str:
        return threading.current_thread().name

    job = await body.enqueue()
    await house.burst(app)

    assert names == [(await end_of(job)).value]


async def test_a_plain_function_does_not_surround_coroutines(house: House) -> None:
    app = house.app()
    names: list[str] = []

    @app.middleware
    def surround(context: TaskContext, call_next: SyncNext) -> Any:
        names.append(context.name)
        return call_next()

    @app.task
    async def on_the_loop() -> None: ...

    @app.task
    def in_a_thread() -> None: ...

    for task in (on_the_loop, in_a_thread):
        await task.enqueue()
    await house.burst(app)

    assert names == ["in_a_thread"]
