"""Failures: which attempts follow, what they remember, and what a task may ask for."""

import logging
from typing import Any

import pytest

from ardiq_django import Reject, Requeue, Retry, State, TaskFailed, current_task
from tests.engine.house import House, end_of


async def test_a_failing_task_is_tried_again_until_it_succeeds(house: House) -> None:
    app = house.app()

    @app.task(backoff_ms=[1])
    async def third_time() -> str:
        tries = current_task().tries
        if tries < 3:
            raise ValueError(f"not yet {tries}")
        return f"done at {tries}"

    async with house.working(app):
        result = await end_of(await third_time.enqueue())

    assert (result.success, result.value, result.tries) == (True, "done at 3", 3)
    assert [(attempt.number, attempt.event, attempt.message) for attempt in result.attempts] == [
        (1, "failed", "not yet 1"),
        (2, "failed", "not yet 2"),
    ]
    assert result.error is None


async def test_a_retry_runs_when_it_is_due_however_seldom_the_worker_looks(house: House) -> None:
    app = house.app(poll_block_ms=60_000)

    @app.task(backoff_ms=[20])
    async def second_time() -> None:
        if current_task().tries == 1:
            raise ValueError("not yet")

    async with house.working(app):
        result = await end_of(await second_time.enqueue())

    assert result.tries == 2


@pytest.mark.parametrize(("max_retries", "tries"), [(0, 1), (2, 3), (-1, 1)])
async def test_the_budget_is_what_may_follow_the_first_attempt(house: House, max_retries: int, tries: int) -> None:
    app = house.app(worker_id="w-1")

    @app.task(max_retries=max_retries, backoff_ms=[0])
    def fail() -> None:
        raise ValueError("no")

    async with house.working(app):
        result = await end_of(await fail.enqueue())

    assert (result.success, result.value, result.tries) == (False, "ValueError('no')", tries)
    assert [attempt.number for attempt in result.attempts] == list(range(1, tries + 1))
    assert result.error is not None
    assert (result.error.error_type, result.error.message, result.error.worker) == ("ValueError", "no", "w-1")
    assert 'raise ValueError("no")' in result.error.traceback
    assert "execute" not in result.error.traceback
    with pytest.raises(TaskFailed, match="no"):
        result.raise_for_error()


async def test_a_retry_waits_and_is_shown_as_scheduled(house: House) -> None:
    app = house.app()

    @app.task(backoff_ms=60_000)
    async def fail() -> None:
        raise ValueError("no")

    job = await fail.enqueue()
    await house.burst(app)
    info = await job.info()

    assert info is not None
    assert (info.status, info.tries) == ("scheduled", 1)
    assert await house.state(job) is State.RETRYING
    assert await app.queue_size() == 1
    house.travel(70_000)
    await house.burst(app)
    assert await house.state(job) is State.RETRYING
    info = await job.info()
    assert info is not None
    assert info.tries == 2


async def test_only_the_named_errors_are_tried_again(house: House) -> None:
    app = house.app()

    @app.task(retry_on=OSError, no_retry_on=(FileNotFoundError,), backoff_ms=[0], max_retries=1)
    async def fail(error: str) -> None:
        raise {"os": OSError, "file": FileNotFoundError, "value": ValueError}[error]("no")

    jobs = [await fail.enqueue(error) for error in ("os", "file", "value")]
    await house.burst(app)

    assert [(await end_of(job)).tries for job in jobs] == [2, 1, 1]


async def test_retry_asks_for_another_attempt_within_the_budget(house: House) -> None:
    app = house.app()

    @app.task(max_retries=2, no_retry_on=(Exception,))
    async def ask(delay_ms: int | None = None) -> None:
        raise Retry("not ready", delay_ms=delay_ms)

    job, later = await ask.enqueue(), await ask.enqueue(60_000)
    await house.burst(app)
    result = await end_of(job)

    assert (result.success, result.tries) == (False, 3)
    assert [attempt.event for attempt in result.attempts] == ["retry asked", "retry asked", "failed"]
    assert result.value == "Retry('not ready')"
    assert await house.state(later) is State.RETRYING


async def test_requeue_spends_no_attempt(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def patient() -> tuple[int, int]:
        context = current_task()
        if context.requeues < 2:
            raise Requeue()
        if context.requeues < 3:
            context.requeue(delay_ms=1)
        return context.tries, context.requeues

    async with house.working(app):
        result = await end_of(await patient.enqueue())

    assert (result.value, result.tries, result.attempts) == ((1, 3), 1, ())


async def test_requeue_with_a_delay_waits(house: House) -> None:
    app = house.app()

    @app.task
    def patient() -> None:
        raise Requeue(60_000)

    job = await patient.enqueue()
    await house.burst(app)

    assert await job.status() == "scheduled"
    assert await house.state(job) is State.SCHEDULED


async def test_reject_fails_for_good_at_once(house: House) -> None:
    app = house.app()

    @app.task
    async def refuse(how: str) -> None:
        if how == "raise":
            raise Reject("bad order")
        current_task().reject("bad order")

    jobs = [await refuse.enqueue("raise"), await refuse.enqueue("call")]
    await house.burst(app)

    for job in jobs:
        result = await end_of(job)
        assert (result.success, result.value, result.tries) == (False, "Reject('bad order')", 1)


async def test_a_failed_job_can_be_run_again_with_a_fresh_budget(house: House) -> None:
    app = house.app()
    mended: list[bool] = []

    @app.task(max_retries=1, backoff_ms=[0])
    async def fragile() -> int:
        if not mended:
            raise ValueError("broken")
        return current_task().tries

    job = await fragile.enqueue()
    await house.burst(app)
    assert (await end_of(job)).tries == 2
    mended.append(True)

    assert await job.retry()
    assert await job.result() is None
    await house.burst(app)
    result = await end_of(job)
    assert (result.success, result.value, result.tries) == (True, 1, 1)
    assert [attempt.message for attempt in result.attempts] == ["broken", "broken"]
    assert not await job.retry()


async def test_arguments_and_results_are_never_logged(house: House, caplog: pytest.LogCaptureFixture) -> None:
    app = house.app()

    @app.task(max_retries=1, backoff_ms=[0])
    async def secret(password: str, *, fails: bool) -> str:
        if fails:
            raise ValueError("no")
        return password + password

    with caplog.at_level(logging.DEBUG, "ardiq"):
        jobs: list[Any] = [await secret.enqueue("hunter2", fails=fails) for fails in (True, False)]
        await house.burst(app)

    text = caplog.text
    assert "hunter2" not in text
    for event in ("started", "succeeded", "retrying", "failed"):
        assert f"job {event} id=" in text
    assert all(job.id in text for job in jobs)
