"""Handles: everything that can be asked of a job, by itself or by its id, awaited or not."""

import asyncio
import pickle
from typing import Any

import pytest

from ardiq_django import Reject, State, TaskFailed, gather, gather_sync
from tests.engine.house import SOON_S, House, end_of, soon, until


async def test_a_deleted_job_is_gone_unless_it_runs(house: House) -> None:
    app = house.app()
    let_go = asyncio.Event()

    @app.task
    async def hold() -> None:
        await let_go.wait()

    waiting, running = await hold.options(delay_ms=60_000).enqueue(), await hold.enqueue()
    async with house.working(app):
        await house.until_state(running, State.RUNNING)
        assert await running.delete() is False
        assert await waiting.delete() is True
        let_go.set()
        await end_of(running)

    assert await running.delete() is True
    assert [await job.status() for job in (waiting, running)] == ["not_found"] * 2
    assert await app.delete(running.id) is False


async def test_an_error_can_be_raised_again_with_all_that_was_recorded(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def fail() -> None:
        raise KeyError("shoe")

    job = await fail.enqueue()
    await house.burst(app)
    result = await end_of(job)

    with pytest.raises(TaskFailed, match=r"KeyError\('shoe'\)") as caught:
        result.raise_for_error()
    failed = caught.value
    assert (failed.error_type, failed.message) == ("KeyError", "'shoe'")
    assert 'raise KeyError("shoe")' in failed.traceback
    assert 'raise KeyError("shoe")' in failed.__notes__[0]
    assert (result.error and result.error.traceback) == failed.traceback
    copy = pickle.loads(pickle.dumps(failed))  # noqa: S301
    assert (str(copy), copy.error_type, copy.traceback) == (str(failed), failed.error_type, failed.traceback)


async def test_an_end_that_no_attempt_made_has_no_error_of_an_earlier_run(house: House) -> None:
    app = house.app()

    @app.task
    async def fail() -> None:
        raise Reject("no")

    job = await fail.enqueue()
    await house.burst(app)
    assert await job.retry()
    assert await job.abort()
    result = await end_of(job)

    assert (result.aborted, len(result.attempts), result.error) == (True, 1, None)
    with pytest.raises(TaskFailed, match="aborted before it started") as caught:
        result.raise_for_error()
    assert caught.value.error_type == ""


async def test_a_result_tells_of_its_job(house: House) -> None:
    app = house.app()

    @app.task(max_retries=1, backoff_ms=[0], labels={"shop": "north"})
    async def second_time() -> str:
        if not failed:
            failed.append(1)
            raise ValueError("once")
        await asyncio.sleep(0.02)
        return "ran"

    failed: list[int] = []
    job = await second_time.enqueue()
    await house.burst(app)
    result = await end_of(job)

    success, value, tries, enqueue_time, start, finish = result
    assert (success, value, tries) == (True, "ran", 2)
    assert enqueue_time <= start + 60_000
    assert 10 <= result.duration_ms == finish - start
    assert result.execution_time == result.duration_ms / 1000
    assert (result.labels, result.aborted, result.expired, result.error) == ({"shop": "north"}, False, False, None)
    assert [(one.number, one.event, one.error_type, one.message) for one in result.attempts] == [
        (1, "failed", "ValueError", "once")
    ]
    result.raise_for_error()


async def test_one_who_may_not_subscribe_looks_at_intervals(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    app = house.app()
    monkeypatch.setattr(app.broker, "wait_end", None)

    @app.task
    async def note() -> int:
        return 1

    job = await note.options(delay_ms=200).enqueue()
    with pytest.raises(TimeoutError, match=r"has not ended within 0\.05 s"):
        await job.result(0.05, interval=0.01)
    waiter = asyncio.create_task(job.result(SOON_S, interval=0.01))
    async with house.working(app):
        result = await soon(waiter)

    assert result is not None
    assert result.value == 1


async def test_gather_gives_up_on_all_when_one_does_not_come(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> int:
        return 1

    done, late = await note.enqueue(), await note.options(delay_ms=60_000).enqueue()
    await house.burst(app)

    with pytest.raises(TimeoutError, match=f"job '{late.id}' has not ended within"):
        await gather(done, late, done, timeout=0.1)
    await until(lambda: not any("result" in repr(task.get_coro()) for task in asyncio.all_tasks()))

    assert [result and result.value for result in await gather(done, late, done)] == [1, None, 1]
    assert await gather(timeout=1) == []


async def test_gather_in_a_thread_waits_for_all_of_them_together(house: House) -> None:
    app = house.app()

    @app.task
    async def echo(number: int) -> int:
        return number

    def view() -> list[Any]:
        jobs = app.enqueue_many_sync(echo.prepare(number) for number in range(4))
        return [result and result.value for result in gather_sync(*reversed(jobs), timeout=SOON_S)]

    def impatient_view() -> None:
        with pytest.raises(TimeoutError):
            gather_sync(*[echo.options(delay_ms=60_000).enqueue_sync(1) for _ in range(3)], timeout=0.1)

    async with house.working(app):
        assert await house.in_thread(view) == [3, 2, 1, 0]
        await soon(house.in_thread(impatient_view))


async def test_everything_an_app_says_by_id_has_a_sync_twin(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> int:
        return 1

    done, waiting = await note.enqueue(), await note.options(delay_ms=60_000).enqueue()
    await house.burst(app)

    def view() -> None:
        result, info = app.result_sync(done.id, timeout=1), app.info_sync(waiting.id)
        assert result is not None
        assert result.value == 1
        assert info is not None
        assert info.status == "scheduled"
        assert (app.status_sync(done.id), app.queue_size_sync()) == ("complete", 1)
        assert (done.is_ready_sync(), waiting.is_ready_sync(), waiting.progress_sync()) == (True, False, None)
        assert app.abort_sync(waiting.id)
        assert waiting.retry_sync()
        assert app.clear_sync() == 1
        assert (app.delete_sync(done.id), done.delete_sync()) == (True, False)
        app.pause_sync()
        assert app.paused_sync()
        app.resume_sync()
        assert not app.paused_sync()

    await house.in_thread(view)


async def test_a_queue_is_paused_resumed_and_cleared_by_its_app(house: House) -> None:
    app, elsewhere = house.app(poll_block_ms=60_000), house.app()

    @app.task
    async def note() -> int:
        return 1

    await elsewhere.pause()
    assert await app.paused()
    async with house.working(app):
        await until(lambda: app.is_well)
        dropped = await note.enqueue()
        assert await elsewhere.clear() == 1
        kept = await note.enqueue()
        assert await kept.status() == "queued"
        await elsewhere.resume()
        assert (await end_of(kept)).success

    assert await dropped.status() == "not_found"
