"""Tasks run: on the loop, in threads, side by side, with what they were given and a context of their own."""

import asyncio
import threading
from typing import Any

import pytest

from ardiq_django import Job, TaskContext, current_task
from tests.engine.house import SOON_S, House, end_of, seen, soon


async def test_an_async_task_runs_and_its_value_comes_back(house: House) -> None:
    app = house.app()

    @app.task
    async def add(a: int, b: int = 1) -> int:
        await asyncio.sleep(0)
        return a + b

    async with house.working(app):
        first = await end_of(await add.enqueue(1, b=2))
        second = await end_of(await add.enqueue(1))

    assert (first.success, first.value, first.tries) == (True, 3, 1)
    assert second.value == 2
    assert first.enqueue_time <= first.finish
    assert first.start <= first.finish


async def test_a_sync_task_runs_in_a_thread_and_its_value_comes_back(house: House) -> None:
    app = house.app()

    @app.task
    def where() -> str:
        return threading.current_thread().name

    async with house.working(app):
        result = await end_of(await where.enqueue())

    assert result.success
    assert result.value != threading.current_thread().name


async def test_what_a_task_is_given_and_returns_keeps_its_types(house: House) -> None:
    app = house.app()
    given = [(1, 2.0), {"a": {3}}, b"x", None, {4: "5"}]

    @app.task
    async def echo(*args: Any, **kwargs: Any) -> Any:
        return list(args), kwargs

    async with house.working(app):
        result = await end_of(await echo.enqueue(*given, key=(6,)))

    assert result.value == (given, {"key": (6,)})


async def test_sync_tasks_run_side_by_side_up_to_the_concurrency(house: House) -> None:
    app = house.app(concurrency=4)
    all_here = threading.Barrier(4, timeout=SOON_S)

    @app.task
    def meet() -> None:
        all_here.wait()

    async with house.working(app):
        results = [await end_of(job) for job in [await meet.enqueue() for _ in range(4)]]

    assert all(result.success for result in results)


async def test_no_more_run_at_once_than_the_concurrency(house: House) -> None:
    app = house.app(concurrency=2)
    both_here, both_there = asyncio.Barrier(2), threading.Barrier(2, timeout=SOON_S)
    running, most, lock = 0, 0, threading.Lock()

    def enter(step: int) -> None:
        nonlocal running, most
        with lock:
            running += step
            most = max(most, running)

    @app.task
    async def on_the_loop() -> None:
        enter(1)
        await both_here.wait()
        enter(-1)

    @app.task
    def in_a_thread() -> None:
        enter(1)
        both_there.wait()
        enter(-1)

    jobs: list[Job[Any]] = []
    for task in ("on_the_loop", "in_a_thread"):
        jobs += await app.enqueue_many(app.ref(task).prepare() for _ in range(6))
    await house.burst(app)

    assert most == 2
    assert [(await end_of(job)).success for job in jobs] == [True] * 12


async def test_the_context_is_there_on_the_loop_and_in_threads(house: House) -> None:
    app = house.app(worker_id="w-7")

    def described(context: TaskContext) -> dict[str, Any]:
        names = ("task_id", "name", "tries", "queue", "worker_id", "labels", "requeues", "aborted")
        return {name: getattr(context, name) for name in names}

    async def helper() -> dict[str, Any]:
        return described(current_task())

    @app.task(labels={"tenant": 3})
    async def on_the_loop() -> dict[str, Any]:
        return await asyncio.create_task(helper())

    @app.task(labels={"tenant": 3}, takes_context=True)
    def in_a_thread(context: TaskContext, number: int) -> dict[str, Any]:
        assert context is current_task()
        assert context.app is app
        assert context.enqueue_time > 0
        return described(context) | {"number": number}

    async with house.working(app):
        first, second = await on_the_loop.enqueue(), await in_a_thread.options(labels={"vip": True}).enqueue(5)
        results = await end_of(first), await end_of(second)

    expected = {"tries": 1, "queue": house.queue, "worker_id": "w-7", "requeues": 0, "aborted": False}
    assert results[0].value == expected | {"task_id": first.id, "name": "on_the_loop", "labels": {"tenant": 3}}
    assert results[1].value == expected | {
        "task_id": second.id,
        "name": "in_a_thread",
        "labels": {"tenant": 3, "vip": True},
        "number": 5,
    }
    assert results[1].labels == {"tenant": 3, "vip": True}


async def test_there_is_no_context_outside_of_a_task(house: House) -> None:
    app = house.app()

    @app.task
    async def nothing() -> None: ...

    await nothing.enqueue()
    await house.burst(app)

    with pytest.raises(LookupError, match="only there while a worker runs a task"):
        current_task()


async def test_jobs_that_run_side_by_side_see_their_own_context(house: House) -> None:
    app = house.app()
    both = asyncio.Barrier(2)

    @app.task
    async def who() -> str:
        await both.wait()
        return current_task().task_id

    async with house.working(app):
        jobs = [await who.enqueue() for _ in range(2)]
        values = [(await end_of(job)).value for job in jobs]

    assert values == [job.id for job in jobs]


async def test_a_task_enqueues_its_follow_up(house: House) -> None:
    app = house.app()

    @app.task
    async def second(number: int) -> int:
        return number + 1

    @app.task
    async def on_the_loop(number: int) -> str:
        return (await second.enqueue(number)).id

    @app.task
    def in_a_thread(number: int) -> str:
        return current_task().app.ref("second").enqueue_sync(number).id

    async with house.working(app):
        for name in (on_the_loop.name, in_a_thread.name):
            follow_up = (await end_of(await app.send(name, 1))).value
            assert (await end_of(app.job(follow_up))).value == 2


async def test_a_task_called_in_place_asks_no_broker(house: House) -> None:
    app = house.app()

    @app.task
    async def add(a: int, b: int) -> int:
        return a + b

    @app.task
    def double(a: int) -> int:
        """Twice as much."""
        return a * 2

    assert await add(1, 2) == 3
    assert double(2) == 4
    assert (double.__name__, double.__doc__, double.name, double.app) == ("double", "Twice as much.", "double", app)
    assert app.tasks == ["add", "double"]
    assert await app.queue_size() == 0


async def test_lanes_are_served_highest_first_and_each_in_order(house: House) -> None:
    app = house.app(concurrency=1)
    order: list[str] = []

    @app.task
    async def note(name: str) -> None:
        order.append(name)

    for lane in ("low", "high", "default"):
        for number in (1, 2):
            await note.options(priority=lane).enqueue(f"{lane}{number}")
    await house.burst(app)

    assert order == ["high1", "high2", "default1", "default2", "low1", "low2"]


async def test_a_task_has_a_lane_of_its_own_and_a_call_may_take_another(house: House) -> None:
    app = house.app(concurrency=1)
    order: list[str] = []

    @app.task(priority="high")
    async def urgent(name: str) -> None:
        order.append(name)

    @app.task
    async def plain(name: str) -> None:
        order.append(name)

    await urgent.options(priority="low").enqueue("urgent in the low lane")
    await plain.enqueue("plain")
    await urgent.enqueue("urgent")
    await house.burst(app)

    assert order == ["urgent", "plain", "urgent in the low lane"]


async def test_a_sync_producer_and_sync_readers_need_no_loop(house: House) -> None:
    app = house.app()

    @app.task
    def add(a: int, b: int) -> int:
        return a + b

    def view() -> tuple[Any, ...]:
        job = add.enqueue_sync(1, 2)
        result = job.result_sync(timeout=SOON_S)
        assert result is not None
        return result.value, job.status_sync(), job.is_ready_sync(), job.info_sync(), job.abort_sync(), job.retry_sync()

    async with house.working(app):
        seen_there = await house.in_thread(view)

    assert seen_there == (3, "complete", True, None, False, False)


async def test_a_blocked_thread_does_not_block_the_loop(house: House) -> None:
    app = house.app()
    held, let_go = threading.Event(), threading.Event()

    @app.task
    def block() -> None:
        held.set()
        assert let_go.wait(SOON_S)

    @app.task
    async def quick() -> str:
        return "done"

    async with house.working(app):
        blocked = await block.enqueue()
        await seen(held)
        assert (await end_of(await quick.enqueue())).value == "done"
        let_go.set()
        assert (await soon(blocked.result(SOON_S))) is not None
