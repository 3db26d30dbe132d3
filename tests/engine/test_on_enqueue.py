"""Hooks that see each job before it is stored, whichever way it is enqueued."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ardiq_django import Ardiq, EnqueueContext, Job, PayloadError, TaskContext, current_task
from tests.engine.house import House, end_of, until

Way = Callable[[House, Ardiq], Awaitable[Job[Any]]]


async def enqueue(house: House, app: Ardiq) -> Job[Any]:
    return await app.ref("show").enqueue(1, b=2)


async def enqueue_sync(house: House, app: Ardiq) -> Job[Any]:
    return await house.in_thread(lambda: app.ref("show").enqueue_sync(1, b=2))


async def many(house: House, app: Ardiq) -> Job[Any]:
    return (await app.enqueue_many([app.ref("show").prepare(1, b=2)]))[0]


async def many_sync(house: House, app: Ardiq) -> Job[Any]:
    return (await house.in_thread(lambda: app.enqueue_many_sync([app.ref("show").prepare(1, b=2)])))[0]


async def send(house: House, app: Ardiq) -> Job[Any]:
    return await app.send("show", 1, b=2)


WAYS = [enqueue, enqueue_sync, many, many_sync, send]


def with_task(app: Ardiq) -> None:
    @app.task(labels={"colour": "red"})
    async def show(a: int, b: int) -> list[Any]:
        context = current_task()
        return [dict(context.headers), dict(context.labels)]


@pytest.mark.parametrize("way", WAYS)
async def test_what_hooks_add_travels_with_the_job(house: House, way: Way) -> None:
    app = house.app()
    with_task(app)
    seen: list[tuple[Any, ...]] = []

    @app.on_enqueue
    def sync_hook(context: EnqueueContext) -> None:
        seen.append((context.name, context.args, context.kwargs, context.priority, dict(context.labels)))
        context.headers["trace"] = {"id": "abc"}

    @app.on_enqueue
    async def async_hook(context: EnqueueContext) -> None:
        await asyncio.sleep(0)
        context.labels["job"] = context.task_id
        context.headers["after"] = list(context.headers)

    job = await way(house, app)
    await house.burst(app)
    result = await end_of(job)

    assert seen == [("show", (1,), {"b": 2}, "default", {"colour": "red"})]
    headers = {"trace": {"id": "abc"}, "after": ["trace"]}
    assert result.value == [headers, {"colour": "red", "job": job.id}]
    assert result.labels == {"colour": "red", "job": job.id}


async def test_a_schedule_passes_the_hooks(house: House) -> None:
    app = house.app(cron_poll_s=0.02)
    contexts: list[TaskContext] = []

    @app.on_enqueue
    async def mark(context: EnqueueContext) -> None:
        context.headers["by"] = context.task_id

    @app.cron(every=0.1)
    async def tick() -> None:
        contexts.append(current_task())

    async with house.working(app):
        await until(lambda: len(contexts) > 0)

    assert contexts[0].headers == {"by": contexts[0].task_id}


async def test_a_hook_that_refuses_a_schedule_holds_up_no_other(house: House) -> None:
    app = house.app(cron_poll_s=0.02)
    fired: list[str] = []

    @app.on_enqueue
    def refuse(context: EnqueueContext) -> None:
        if context.name == "refused" and len(fired) < 3:
            raise ValueError("not now")

    @app.cron(every=0.1, misfire="all")
    async def refused() -> None:
        fired.append("refused")

    @app.cron(every=0.1)
    async def tick() -> None:
        fired.append("tick")

    async with house.working(app):
        await until(lambda: "refused" in fired)

    assert fired[:3] == ["tick"] * 3


@pytest.mark.parametrize("way", WAYS)
async def test_a_hook_that_raises_keeps_the_job_from_being_stored(house: House, way: Way) -> None:
    app = house.app()

    @app.on_enqueue
    async def refuse(context: EnqueueContext) -> None:
        raise PermissionError("closed")

    with pytest.raises(PermissionError, match="closed"):
        await way(house, app)

    assert await app.queue_size() == 0


@pytest.mark.parametrize(
    ("added", "what"),
    [
        ({"a": object()}, "headers a cannot be carried"),
        ({1: 2}, "are no dictionary"),
        ({"a": "x" * 20_000}, "take 20,"),
    ],
)
async def test_what_cannot_be_carried_is_refused(house: House, added: dict[Any, Any], what: str) -> None:
    app = house.app(max_payload_bytes=10_000)

    @app.on_enqueue
    def add(context: EnqueueContext) -> None:
        context.headers.update(added)

    with pytest.raises(PayloadError, match=what):
        await app.send("show")

    assert await app.queue_size() == 0


async def test_what_hooks_add_makes_no_other_call(house: House) -> None:
    app = house.app()
    numbers = iter(range(10))

    @app.on_enqueue
    def number(context: EnqueueContext) -> None:
        context.headers["number"] = next(numbers)

    @app.task(unique=True)
    async def once(a: int) -> int:
        return int(current_task().headers["number"])

    first, second = await once.enqueue(1), await once.enqueue(1)
    await house.burst(app)

    assert (second.id, second.created) == (first.id, False)
    assert (await end_of(first)).value == 0


async def test_a_job_that_is_retried_keeps_what_it_took_along(house: House) -> None:
    app = house.app()
    numbers = iter(range(10))

    @app.on_enqueue
    def number(context: EnqueueContext) -> None:
        context.headers["number"] = next(numbers)

    @app.task(max_retries=1, backoff_ms=[0])
    async def fail() -> None:
        raise ValueError(current_task().headers["number"])

    job = await fail.enqueue()
    await house.burst(app)
    assert await job.retry()
    await house.burst(app)

    assert [attempt.message for attempt in (await end_of(job)).attempts] == ["0"] * 4
