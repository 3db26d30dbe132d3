"""`executor="process"`: the body runs elsewhere, and everything else is as it is in a thread."""

import os
import signal
from pathlib import Path

import pytest

from ardiq_django import Ardiq, State
from tests.engine.house import House, end_of, until
from tests.ring.processes import is_alive, lines


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
    assert values.value == ({1}, b"\xff", (1, None))
    assert (loop.value, at_home.value) == (5, True)


async def test_processes_are_spawned_when_first_needed_kept_warm_and_end_with_their_worker(
    house: House, app: Ardiq
) -> None:
    app.override(concurrency=2)

    async with house.working(app):
        first, second = [(await end_of(await app.send("where"))).value for _ in range(2)]
        assert is_alive(first[0])

    assert first == second
    assert first[1] == os.getpid() != first[0]
    assert not is_alive(first[0])


async def test_bodies_side_by_side_have_a_process_each_at_most_one_a_slot(
    house: House, app: Ardiq, tmp_path: Path
) -> None:
    app.override(concurrency=2)
    log, sign = tmp_path / "log", tmp_path / "sign"

    jobs = [await app.send("until_there", str(log), str(sign)) for _ in range(4)]
    async with house.working(app):
        await until(lambda: len(lines(log)) == 2)
        sign.touch()
        assert [(await end_of(job)).value for job in jobs] == ["done"] * 4

    assert len(lines(log)) == 4
    assert len(set(lines(log))) == 2


async def test_a_process_is_retired_after_many_jobs_and_when_idle(
    house: House, app: Ardiq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.worker.bodies.pool.RETIRES_AFTER_CALLS", 2)
    monkeypatch.setattr("ardiq_django.worker.bodies.pool.IDLE_S", 0.05)
    app.override(concurrency=1)

    async with house.working(app):
        jobs = [await app.send("where") for _ in range(3)]
        pids = [(await end_of(job)).value[0] for job in jobs]
        await until(lambda: not any(is_alive(pid) for pid in pids))

    assert pids[0] == pids[1] != pids[2]


async def test_a_process_that_ends_while_it_idles_costs_no_attempt(house: House, app: Ardiq) -> None:
    app.override(concurrency=1)

    async with house.working(app):
        pid = (await end_of(await app.send("where"))).value[0]
        os.kill(pid, signal.SIGKILL)
        result = await end_of(await app.send("where"))

    assert (result.success, result.tries) == (True, 1)
    assert result.value[0] != pid


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("segfault", "its process died with signal 11 (SIGSEGV)"),
        ("kill", "its process died with signal 9 (SIGKILL)"),
        ("exit", "its process ended with exit code 3"),
    ],
)
async def test_a_process_that_dies_is_a_failed_attempt_that_says_so(
    house: House, app: Ardiq, tmp_path: Path, how: str, said: str
) -> None:
    log = tmp_path / "log"

    async with house.working(app):
        result = await end_of(await app.send("die", how, str(log)))

    assert (result.value, result.tries) == ("survived", 2)
    assert [(one.error_type, one.message, one.event) for one in result.attempts] == [("ProcessDied", said, "failed")]
    assert lines(log) == ["running"] * 2


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
    assert (turns.value, turns.tries) == ("KeyError('not to be tried again')", 3)
    assert [one.event for one in turns.attempts] == ["failed", "retry asked", "failed"]
    assert turns.attempts[0].error_type == "Passing"
    assert (rejected.value, rejected.tries) == ("Reject('never')", 1)
    assert (requeued.value, requeued.tries) == ("after 2", 1)
    assert [result.value for result in left] == ["SystemExit(4)", "KeyboardInterrupt()"]


async def test_what_cannot_be_carried_fails_as_in_a_thread(house: House, app: Ardiq) -> None:
    app.override(max_payload_bytes=1_000_000)

    async with house.working(app):
        odd, large = [await end_of(await app.send("make", what)) for what in ("odd", "large")]
        unbound = await end_of(await house.app().send("add", c=1))

    assert odd.value.startswith("the task ran, but its result of type object cannot be kept")
    assert "it takes 2,000,0" in large.value
    assert "cannot be called so: missing a required argument: 'a'" in unbound.value
    assert [result.tries for result in (odd, large, unbound)] == [1] * 3


async def test_progress_travels_to_the_worker_and_on(house: House, app: Ardiq, tmp_path: Path) -> None:
    app.override(idle_timeout_ms=300)
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


async def test_the_workers_state_is_not_there(house: House, app: Ardiq) -> None:
    async with house.working(app):
        result = await end_of(await app.send("look_at_the_state"))

    assert "app.state is what the worker's lifespan made" in result.value
