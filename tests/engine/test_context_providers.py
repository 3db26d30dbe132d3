"""What travels with a job from where it is enqueued to where it runs."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import pytest

from ardiq_django import Ardiq, ConfigError, ContextProvider, EnqueueContext, Job, current_task
from tests.engine.house import House, end_of

tenant: ContextVar[str | None] = ContextVar("tenant", default=None)
left: list[str] = []


@contextmanager
def as_tenant(value: str) -> Iterator[None]:
    if value == "unknown":
        raise LookupError("there is no such tenant")
    token = tenant.set(value)
    try:
        yield
    finally:
        left.append(value)
        tenant.reset(token)


TENANT = ContextProvider("tenant", tenant.get, as_tenant)


def with_tasks(app: Ardiq) -> list[Any]:
    @app.task(max_retries=0)
    async def on_the_loop() -> str | None:
        await asyncio.sleep(0)
        return tenant.get()

    @app.task(max_retries=0)
    def in_a_thread() -> str | None:
        return tenant.get()

    return [on_the_loop, in_a_thread]


def enqueue_as(value: str | None, task: Any) -> "Job[Any]":
    token = tenant.set(value)
    try:
        job: Job[Any] = task.enqueue_sync()
        return job
    finally:
        tenant.reset(token)


@pytest.mark.parametrize("middleware", [False, True])
@pytest.mark.parametrize("place", [0, 1])
async def test_a_body_runs_in_the_context_its_job_was_enqueued_in(house: House, place: int, middleware: bool) -> None:
    app = house.app(context=[TENANT])
    task = with_tasks(app)[place]
    if middleware:

        @app.middleware
        async def surround(context: Any, call_next: Any) -> Any:
            return f"{await call_next()} within {tenant.get()}"

    tenant.set("here")
    jobs = [await task.enqueue(), (await app.enqueue_many([task.prepare()]))[0], await app.send(task.name)]
    jobs += [await house.in_thread(lambda: enqueue_as("there", task))]
    tenant.set(None)
    jobs += [await task.enqueue()]
    await house.burst(app)

    values = [(await end_of(job)).value for job in jobs]
    wanted = ["here", "here", "here", "there", None]
    assert values == ([f"{name} within {name}" for name in wanted] if middleware else wanted)
    assert tenant.get() is None


async def test_jobs_that_a_job_enqueues_inherit_its_context(house: House) -> None:
    app = house.app()
    app.add_context(TENANT)

    @app.task
    async def child() -> str | None:
        return tenant.get()

    @app.task
    async def parent() -> str:
        return (await child.enqueue()).id

    @app.task
    def parent_in_a_thread() -> str:
        return child.enqueue_sync().id

    tenant.set("family")
    parents = [await task.enqueue() for task in (parent, parent_in_a_thread)]
    tenant.set(None)
    async with house.working(app):
        children = [app.job((await end_of(job)).value) for job in parents]
        values = [(await end_of(job)).value for job in children]

    assert values == ["family"] * 2


async def test_it_is_left_again_when_the_attempt_fails(house: House) -> None:
    app = house.app(context=[TENANT])
    left.clear()

    @app.task(max_retries=0)
    async def fail() -> None:
        raise ValueError(tenant.get())

    tenant.set("sad")
    job = await fail.enqueue()
    tenant.set(None)
    await house.burst(app)

    assert (await end_of(job)).value == "ValueError('sad')"
    assert left == ["sad"]


@pytest.mark.parametrize("place", [0, 1])
async def test_a_context_that_cannot_be_restored_fails_the_attempt(house: House, place: int) -> None:
    app = house.app(context=[TENANT])
    task = with_tasks(app)[place]

    tenant.set("unknown")
    job = await task.enqueue()
    tenant.set(None)
    await house.burst(app)
    result = await end_of(job)

    assert (result.success, result.value) == (False, "LookupError('there is no such tenant')")


async def test_hooks_see_what_was_taken_along_and_the_job_tells_it(house: House) -> None:
    app = house.app(context=[TENANT])

    @app.on_enqueue
    def move(context: EnqueueContext) -> None:
        context.headers["tenant"] += "'s heir"

    @app.task
    async def headers() -> dict[str, Any]:
        return dict(current_task().headers)

    tenant.set("duke")
    job = await headers.enqueue()
    tenant.set(None)
    await house.burst(app)

    assert (await end_of(job)).value == {"tenant": "duke's heir"}


async def test_a_provider_that_is_added_takes_the_place_of_one_of_its_name(house: House) -> None:
    app = house.app(context=[TENANT])
    app.add_context(ContextProvider("tenant", lambda: "another", as_tenant))
    on_the_loop, _ = with_tasks(app)

    job = await on_the_loop.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == "another"


@pytest.mark.parametrize("wrong", [5, "tenant", ContextProvider("", tenant.get, as_tenant), object()])
def test_what_is_no_provider_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigError, match=r"a context provider has a name, capture\(\) and restore\(value\)"):
        Ardiq("memory://", context=[wrong])
    with pytest.raises(ConfigError, match=r"a context provider has a name, capture\(\) and restore\(value\)"):
        Ardiq("memory://").add_context(wrong)


def test_the_option_is_a_list() -> None:
    with pytest.raises(ConfigError, match="give a list of context providers"):
        Ardiq("memory://", context=TENANT)  # type: ignore[arg-type]
