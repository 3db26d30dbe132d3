"""`executor="process"`: the body runs elsewhere, and everything else is as it is in a thread."""

from pathlib import Path

import pytest

from ardiq_django import Ardiq, State
from tests.engine.house import House, end_of, until
from tests.ring.processes import lines


@pytest.fixture
def app(bodies_app: Ardiq) -> Ardiq:
    return bodies_app


async def test_arguments_results_and_context_are_as_in_a_thread(house: House, app: Ardiq) -> None:
    app.override(worker_id="me")

    async with house.working(app):
        told = await end_of(job := await app.send("tell", word="hello"))
        values = await end_of(await app.send("make", "values"))
        unsaved = await app.send("unsaved")
        await house.until_state(unsaved, State.SUCCEEDED)
        loop = await end_of(await app.send("run_a_loop"))
        at_home = await end_of(await app.send("main_thread"))

    assert told.value == ["hello", job.id, "tell", 1, house.queue, "me", {"kind": "demo"}]
    assert told.logs.endswith("INFO bodies: hello")
    assert values.value == ({1}, b"\xff", (1, None))
    assert (loop.value, at_home.value) == (5, True)


async def test_a_process_that_dies_is_a_failed_attempt_that_says_so(house: House, app: Ardiq, tmp_path: Path) -> None:
    async with house.working(app):
        result = await end_of(await app.send("die", "segfault", str(tmp_path / "log")))

    assert (result.value, result.tries) == ("survived", 2)
    (attempt,) = result.attempts
    assert (attempt.error_type, attempt.event) == ("ProcessDied", "failed")
    assert attempt.message == "its process died with signal 11 (SIGSEGV)"
    assert lines(tmp_path / "log") == ["running"] * 2


async def test_errors_are_judged_where_they_were_raised(house: House, app: Ardiq) -> None:
    async with house.working(app):
        failed = await end_of(await app.send("fail", "no"))
        turns = await end_of(await app.send("fail_by_turns"))
        rejected = await end_of(await app.send("ask_for", "reject"))
        requeued = await end_of(await app.send("ask_for", "requeue"))
        left = [await end_of(await app.send("leave", how)) for how in ("exit", "interrupt")]

    assert failed.value == "ValueError('no')"
    assert failed.error is not None
    assert "in fail\n    raise ValueError(text)" in failed.error.traceback
    assert failed.error.traceback.count("ardiq_django") == 0
    assert failed.error.logs.endswith("INFO bodies: about to fail")
    assert (turns.value, turns.tries) == ("KeyError('not to be tried again')", 3)
    assert [one.event for one in turns.attempts] == ["failed", "retry asked", "failed"]
    assert turns.attempts[0].error_type == "Passing"
    assert (rejected.value, rejected.tries) == ("Reject('never')", 1)
    assert (requeued.value, requeued.tries) == ("after 2", 1)
    assert [result.value for result in left] == ["SystemExit(4)", "KeyboardInterrupt()"]


async def test_progress_travels_to_the_worker_and_on(house: House, app: Ardiq, tmp_path: Path) -> None:
    app.override(idle_timeout_ms=1_000)
    sign = tmp_path / "sign"

    async def told() -> bool:
        progress = await job.progress()
        return progress is not None and (progress.current, progress.total, progress.message) == (2, 3, "second")

    async with house.working(app):
        job = await app.send("progress_until_there", str(sign))
        await until(told)
        sign.touch()
        assert (await end_of(job)).success


async def test_a_follow_up_is_enqueued_from_there_or_refused_where_it_would_be_lost(house: House, app: Ardiq) -> None:
    async with house.working(app):
        result = await end_of(await app.send("enqueue_another"))
        follow_up = result.success and await end_of(app.job(result.value))

    if house.address.startswith("memory"):
        assert "a memory:// queue lives in the worker" in result.value
    else:
        assert follow_up
        assert follow_up.value == 22
