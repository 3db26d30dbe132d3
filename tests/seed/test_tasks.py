"""What Ardiq's page on defining tasks shows, with nothing changed but the import."""

import asyncio
import threading
import time
from typing import Any

import pytest

from ardiq_django import Ardiq, Task
from tests.seed.working import Make, drain, working


async def test_a_task_is_declared_bare_or_called_and_runs_where_its_kind_runs(make: Make) -> None:
    app = make()
    main = threading.get_ident()

    @app.task()
    async def greet(user_id: int) -> list[Any]:
        return [user_id, threading.get_ident() == main]

    @app.task
    def shrink(path: str) -> list[Any]:
        return [path, threading.get_ident() == main]

    jobs = [await greet.enqueue(1), await shrink.enqueue("a.png")]
    await drain(app)

    assert isinstance(greet, Task)
    assert [(await job.result()).value for job in jobs] == [[1, True], ["a.png", False]]  # type: ignore[union-attr]


async def test_each_option_of_a_task_does_what_the_page_says(make: Make) -> None:
    app = make(priorities=["low", "default", "high"])
    tries: list[float] = []

    @app.task(name="orders.charge", max_retries=2, backoff_ms=20, timeout=30, priority="high")
    async def charge(order_id: int) -> str:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise ConnectionError("the bank is away")
        return f"charged {order_id}"

    job = await charge.enqueue(5)
    async with working(app):
        result = await job.result(timeout=15)

    assert result is not None
    assert (charge.name, charge.priority, app.tasks) == ("orders.charge", "high", ["orders.charge"])
    assert (result.success, result.value, result.tries) == (True, "charged 5", 3)
    assert tries[1] - tries[0] >= 0.02


async def test_a_task_that_goes_on_failing_keeps_the_repr_of_its_error(make: Make) -> None:
    app = make()

    @app.task(max_retries=1, backoff_ms=1)
    async def fail() -> None:
        raise ValueError("no such order")

    job = await fail.enqueue()
    async with working(app):
        result = await job.result(timeout=15)

    assert result is not None
    assert (result.success, result.value, result.tries) == (False, "ValueError('no such order')", 2)


@pytest.mark.parametrize(("limit", "text"), [(1, "timed out after 1s"), (0.1, "timed out after 0.1s")])
async def test_a_timeout_cancels_the_attempt_and_says_so(make: Make, limit: float, text: str) -> None:
    app = make()

    @app.task(timeout=limit, max_retries=0)
    async def hang() -> None:
        await asyncio.Event().wait()

    job = await hang.enqueue()
    async with working(app):
        result = await job.result(timeout=15)

    assert result is not None
    assert (result.success, result.value) == (False, text)


async def test_higher_lanes_are_drained_first_and_a_call_may_name_its_own(make: Make) -> None:
    app = make(priorities=["low", "default", "high"], concurrency=1)
    order: list[str] = []

    @app.task
    async def plain(name: str) -> None:
        order.append(name)

    @app.task(priority="high")
    async def urgent(name: str) -> None:
        order.append(name)

    await urgent.options(priority="low").enqueue("low")
    await plain.enqueue("default")
    await urgent.enqueue("high")
    await drain(app)

    assert order == ["high", "default", "low"]


async def test_a_task_is_still_a_function() -> None:
    app = Ardiq("redis://localhost:1", "nowhere")  # nothing is asked of it

    @app.task()
    async def add(a: int, b: int) -> int:
        return a + b

    assert await add(2, 3) == 5
    assert await add.fn(2, 3) == 5


def test_a_callable_without_a_name_needs_one() -> None:
    app = Ardiq("memory://")

    class Callable_:
        def __call__(self) -> None: ...

    with pytest.raises(TypeError, match="name="):
        app.task(Callable_())
    assert app.task(name="given")(Callable_()).name == "given"
