"""Hooks that are told of attempts that failed."""

import asyncio
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ardiq_django import Ardiq, ErrorContext, Reject, Requeue, Retry, State, current_task
from ardiq_django.worker import error_hooks
from tests.engine.house import House, end_of, soon

Told = list[ErrorContext]


def told_of(app: Ardiq) -> Told:
    """What a hook of this app hears."""
    told: Told = []

    @app.on_error
    async def note(context: ErrorContext) -> None:
        await asyncio.sleep(0)
        told.append(context)

    return told


def both(app: Ardiq, body: Callable[..., Any], **options: Any) -> None:
    """The same body as a task on the loop and one in a thread."""

    async def on_the_loop(*args: Any) -> Any:
        return body(*args)

    declare: Any = app.task
    declare(name="on_the_loop", **options)(on_the_loop)
    declare(name="in_a_thread", **options)(body)


WHERE = pytest.mark.parametrize("where", ["on_the_loop", "in_a_thread"])


@WHERE
async def test_each_failed_attempt_is_told_with_what_follows(house: House, where: str) -> None:
    app = house.app()
    told = told_of(app)

    def fail(number: int) -> None:
        raise ValueError(number)

    both(app, fail, max_retries=1, backoff_ms=[0])
    job = await app.send(where, 7)
    await house.burst(app)
    await end_of(job)

    assert [(one.name, one.task_id, one.tries, one.will_retry) for one in told] == [
        (where, job.id, 1, True),
        (where, job.id, 2, False),
    ]
    assert [repr(one.exc) for one in told] == ["ValueError(7)"] * 2
    assert told[0].exc.__traceback__ is not None


@WHERE
async def test_hooks_are_called_in_order_where_they_belong(house: House, where: str) -> None:
    app = house.app()
    calls: list[tuple[str, bool]] = []

    def on_main_thread() -> bool:
        return threading.current_thread() is threading.main_thread()

    @app.on_error
    def first(context: ErrorContext) -> None:
        calls.append((current_task().task_id, on_main_thread()))

    @app.on_error
    async def second(context: ErrorContext) -> None:
        calls.append((current_task().task_id, on_main_thread()))

    def fail() -> None:
        raise ValueError

    both(app, fail, max_retries=0)
    job = await app.send(where)
    await house.burst(app)

    assert calls == [(job.id, False), (job.id, True)]


@WHERE
async def test_who_waits_for_the_result_finds_the_hooks_done(house: House, where: str) -> None:
    app = house.app()
    told = told_of(app)

    def fail() -> None:
        raise ValueError

    both(app, fail, max_retries=0)
    async with house.working(app):
        await end_of(await app.send(where))

        assert len(told) == 1


@WHERE
async def test_what_was_asked_for_is_no_error(house: House, where: str) -> None:
    app = house.app()
    told = told_of(app)

    def ask() -> str:
        if current_task().requeues == 0:
            raise Requeue
        if current_task().tries == 1:
            raise Retry("once more")
        return "done"

    both(app, ask)
    job = await app.send(where)
    async with house.working(app):
        result = await end_of(job)

    assert (result.value, told) == ("done", [])


@WHERE
@pytest.mark.parametrize("error", [Retry("in vain"), Reject("never")])
async def test_a_retry_beyond_the_budget_and_a_reject_are_told(house: House, where: str, error: Exception) -> None:
    app = house.app()
    told = told_of(app)

    def give_up() -> None:
        raise error

    both(app, give_up, max_retries=0)
    await app.send(where)
    await house.burst(app)

    assert [(one.exc, one.will_retry) for one in told] == [(error, False)]


async def test_a_timeout_is_told_and_an_abort_is_not(house: House) -> None:
    app = house.app()
    told = told_of(app)

    @app.task(timeout=0.05, max_retries=0)
    async def late() -> None:
        await asyncio.sleep(60)

    @app.task
    async def waits() -> None:
        await asyncio.sleep(60)

    async with house.working(app):
        await end_of(await late.enqueue())
        aborted = await waits.enqueue()
        await house.until_state(aborted, State.RUNNING)
        await aborted.abort()
        await end_of(aborted)

    assert [(one.name, str(one.exc)) for one in told] == [("late", "timed out after 0.05s")]


async def test_a_result_that_cannot_be_kept_and_a_call_that_does_not_fit_are_told(house: House) -> None:
    app, producer = house.app(), house.app()
    told = told_of(app)

    @app.task
    async def odd(number: int) -> object:
        return object()

    jobs = [await odd.enqueue(1), await producer.send("odd")]
    await house.burst(app)

    assert {one.task_id for one in told} == {job.id for job in jobs}


@WHERE
async def test_a_hook_that_fails_is_logged_and_harms_nothing(
    house: House, where: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = house.app(concurrency=1)
    monkeypatch.setattr(error_hooks, "LIMIT_S", 0.05)

    @app.on_error
    def raises(context: ErrorContext) -> None:
        raise SystemExit("from a sync hook")

    @app.on_error
    async def raises_too(context: ErrorContext) -> None:
        raise KeyboardInterrupt("from an async hook")

    @app.on_error
    async def hangs(context: ErrorContext) -> None:
        await asyncio.sleep(60)

    told = told_of(app)

    def fail() -> None:
        raise ValueError("of the task")

    both(app, fail, max_retries=0)
    with caplog.at_level(logging.ERROR, "ardiq.worker"):
        async with house.working(app):
            results = [await end_of(await app.send(where)) for _ in range(2)]

    assert [result.value for result in results] == ["ValueError('of the task')"] * 2
    assert len(told) == 2
    messages = [record.getMessage() for record in caplog.records if "error hook failed" in record.getMessage()]
    assert ["from a sync" in messages[0], "from an async" in messages[1], "TimeoutError" in messages[2]] == [True] * 3


async def test_a_worker_that_is_stopped_does_not_wait_for_a_hook(house: House) -> None:
    app = house.app()
    hook_runs = asyncio.Event()

    @app.on_error
    async def hangs(context: ErrorContext) -> None:
        hook_runs.set()
        await asyncio.Event().wait()

    @app.task(max_retries=0)
    async def fail() -> None:
        raise ValueError

    await fail.enqueue()
    worker = asyncio.create_task(app.run())
    await soon(hook_runs.wait())
    worker.cancel()

    with pytest.raises(asyncio.CancelledError):
        await soon(worker)


def test_a_hook_is_something_to_call() -> None:
    app = Ardiq("memory://")

    for declare in (app.on_error, app.on_enqueue, app.middleware):
        with pytest.raises(TypeError, match="5 is no"):
            declare(5)  # type: ignore[type-var]


def test_a_hook_takes_what_it_will_be_given() -> None:
    app = Ardiq("memory://")

    for declare, given in ((app.on_error, "error"), (app.on_enqueue, "job"), (app.middleware, "context, call_next")):
        with pytest.raises(TypeError, match=rf"will be called with \({given}\)"):
            declare(lambda: None)
