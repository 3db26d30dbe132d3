"""Several worker processes under one supervisor: real processes, real signals, on SQLite and on Redis."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from ardiq_django import Job, bridge, get_app
from tests.ring.processes import WorkerProcess, is_alive, lines, runworker, until
from tests.services import RedisServer
from tests.shop import tasks

pytestmark = pytest.mark.django_db(transaction=True)
Queues = dict[str, Any]
LEASE_MS = 60_000  # longer than any test waits
TWO = ("--processes", "2", "--concurrency", "1")


@pytest.fixture(params=["sqlite", "redis"])
def queues(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Queues]:
    """The setting ARDIQ on each broker that processes can share, in force here and in the workers."""
    address = "database://default" if request.param == "sqlite" else request.getfixturevalue("clean_redis_url")
    settings.ARDIQ = {"default": {"BROKER": address, "IDLE_TIMEOUT_MS": LEASE_MS}}
    yield dict(settings.ARDIQ)
    bridge.run(get_app().broker.close())


def pids() -> set[int]:
    """The processes whose workers are registered."""
    return {row.card.pid for row in bridge.run(get_app().broker.workers())}


def holder(job: Job[Any]) -> int:
    """The process that runs this job."""
    snapshot = bridge.run(get_app().broker.get(job.id))
    assert snapshot is not None
    (pid,) = [row.card.pid for row in bridge.run(get_app().broker.workers()) if row.card.worker_id == snapshot.worker]
    return pid


def tries(job: Job[Any]) -> tuple[str, int | None]:
    """Its status, and what it has spent."""
    info = job.info_sync()
    return job.status_sync(), info and info.tries


def gone(processes: set[int]) -> bool:
    return not any(is_alive(pid) for pid in processes)


def end(supervisor: WorkerProcess) -> str:
    """Stop it; returns what it said."""
    supervisor.signal(signal.SIGTERM)
    code, said = supervisor.ended()
    assert code == 0, said
    return said


def test_so_many_processes_serve_and_end_together(queues: Queues, tmp_path: Path) -> None:
    log, sign = tmp_path / "log", tmp_path / "sign"
    jobs = [tasks.wait_for.enqueue_sync(str(log), str(sign)) for _ in range(3)]

    with runworker(queues, *TWO) as supervisor:
        until(lambda: lines(log) == ["running"] * 2)
        processes = pids()
        sign.touch()
        results = [job.result_sync(timeout=30) for job in jobs]
        end(supervisor)

    assert len(processes) == 2
    assert gone(processes)
    assert [result and result.value for result in results] == ["done"] * 3
    assert pids() == set()


def test_the_jobs_of_a_killed_process_start_again_long_before_its_lease_is_over(queues: Queues, tmp_path: Path) -> None:
    log, sign = tmp_path / "log", tmp_path / "sign"
    job, other = (tasks.wait_for.enqueue_sync(str(log), str(sign)) for _ in range(2))

    with runworker(queues, *TWO) as supervisor:
        until(lambda: lines(log) == ["running"] * 2)
        before, victim = pids(), holder(job)
        os.kill(victim, signal.SIGKILL)
        until(lambda: lines(log) == ["running"] * 3)
        after = pids()
        sign.touch()
        result, beside = job.result_sync(timeout=30), other.result_sync(timeout=30)
        said = end(supervisor)

    assert result is not None
    assert (result.value, result.tries) == ("done", 1)
    assert [(attempt.event, attempt.error_type) for attempt in result.attempts] == [("crashed", "WorkerLost")]
    assert beside is not None
    assert not beside.attempts
    assert len(after) == 2
    assert after & before == before - {victim}
    assert f"worker process {victim} ended: killed by SIGKILL" in said
    assert f"took back 1 jobs of worker process {victim} queue=default" in said


def test_a_job_that_kills_its_processes_ends_as_failed(queues: Queues, tmp_path: Path) -> None:
    log = tmp_path / "log"
    job = tasks.kill_the_worker.enqueue_sync(str(log))

    with runworker(queues, "--processes", "1") as supervisor:
        result = job.result_sync(timeout=30)
        innocent = tasks.note.enqueue_sync(str(log), "innocent").result_sync(timeout=30)
        end(supervisor)

    assert result is not None
    assert (result.success, result.value) == (False, "its worker was lost 3 times while it ran")
    assert innocent is not None
    assert innocent.success
    assert lines(log) == ["running"] * 3 + ["innocent"]


def test_the_first_signal_lets_what_runs_finish(queues: Queues, tmp_path: Path) -> None:
    log, sign = tmp_path / "log", tmp_path / "sign"
    jobs = [task.enqueue_sync(str(log), str(sign)) for task in (tasks.wait_for, tasks.block)]

    with runworker(queues, *TWO) as supervisor:
        until(lambda: lines(log) == ["running"] * 2)
        processes = pids()
        supervisor.signal(signal.SIGINT)
        until(lambda: supervisor.said.count("worker stops") == 2)
        sign.touch()
        code, said = supervisor.ended()

    assert code == 0, said
    assert [job.status_sync() for job in jobs] == ["complete"] * 2
    assert gone(processes)


def test_the_second_signal_hands_back_at_once(queues: Queues, tmp_path: Path) -> None:
    log = tmp_path / "log"
    jobs = [tasks.wait_for.enqueue_sync(str(log), str(tmp_path / "sign")) for _ in range(2)]

    with runworker(queues, *TWO) as supervisor:
        until(lambda: lines(log) == ["running"] * 2)
        processes = pids()
        supervisor.signal(signal.SIGTERM)
        until(lambda: supervisor.said.count("worker stops") == 2)
        said = end(supervisor)

    assert said.count("worker ended") == 2
    assert [tries(job) for job in jobs] == [("queued", 0)] * 2
    assert gone(processes)


def test_processes_that_do_not_serve_yet_end_at_once(queues: Queues) -> None:
    with runworker(queues, "--processes", "2") as supervisor:
        supervisor.hear("supervisor began")
        assert "supervisor ended" in end(supervisor)

    assert pids() == set()


def test_a_process_that_is_killed_while_all_stop_is_told_by_the_exit_code(queues: Queues, tmp_path: Path) -> None:
    log, sign = tmp_path / "log", tmp_path / "sign"
    job, other = (tasks.wait_for.enqueue_sync(str(log), str(sign)) for _ in range(2))

    with runworker(queues, *TWO) as supervisor:
        until(lambda: lines(log) == ["running"] * 2)
        supervisor.signal(signal.SIGTERM)
        until(lambda: supervisor.said.count("worker stops") == 2)
        os.kill(holder(job), signal.SIGKILL)
        supervisor.hear("took back 1 jobs")
        sign.touch()
        code, _ = supervisor.ended()

    assert code == 1
    assert (job.status_sync(), other.status_sync()) == ("queued", "complete")


def test_processes_end_when_their_supervisor_is_killed(
    queues: Queues, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, temporary = tmp_path / "log", tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    jobs = [tasks.wait_for.enqueue_sync(str(log), str(tmp_path / "sign")) for _ in range(2)]

    with runworker(queues, *TWO, "--shutdown-timeout", "0.1") as supervisor:
        until(lambda: lines(log) == ["running"] * 2)
        processes = pids()
        left = list(temporary.iterdir())
        supervisor.kill()
        until(lambda: gone(processes))

    assert pids() == set()
    assert len(left) == 1
    assert list(temporary.iterdir()) == []
    assert [tries(job) for job in jobs] == [("queued", 0)] * 2


def test_a_process_that_has_done_enough_is_followed_by_another(queues: Queues, tmp_path: Path) -> None:
    log = tmp_path / "log"
    jobs = [tasks.note.enqueue_sync(str(log), str(number)) for number in range(23)]

    with runworker(queues, "--processes", "2", "--max-jobs", "5") as supervisor:
        results = [job.result_sync(timeout=40) for job in jobs]
        said = end(supervisor)

    assert all(result and result.success and not result.attempts for result in results)
    assert sorted(map(int, lines(log))) == list(range(23))
    assert said.count("worker began") >= 5
    assert "took back" not in said


def test_burst_ends_with_zero_when_all_is_done(queues: Queues, tmp_path: Path) -> None:
    log = tmp_path / "log"
    jobs = [tasks.note.enqueue_sync(str(log), "word") for _ in range(10)]
    deadly = tasks.kill_the_worker.enqueue_sync(str(tmp_path / "deadly"))

    with runworker(queues, "--processes", "2", "--burst") as supervisor:
        code, said = supervisor.ended()

    assert code == 0, said
    assert [job.status_sync() for job in jobs] == ["complete"] * 10
    assert lines(tmp_path / "deadly") == ["running"] * 3
    assert deadly.status_sync() == "complete"


def test_processes_that_cannot_begin_end_the_supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARDIQ_TEST_ONCE", str(tmp_path / "once"))

    with runworker({"default": {"BROKER": "memory://"}}, "tests.ring.once:app", "--processes", "2") as supervisor:
        code, said = supervisor.ended()

    assert code == 1
    assert "no process could begin to serve, 3 times in a row: giving up" in said
    assert "worker began" not in said


def test_where_the_broker_does_not_answer_the_lease_gives_the_jobs_back(settings: Settings, tmp_path: Path) -> None:
    log, sign, server = tmp_path / "log", tmp_path / "sign", RedisServer()
    settings.ARDIQ = {"default": {"BROKER": server.url, "IDLE_TIMEOUT_MS": 2_000}}
    server.start()

    try:
        job = tasks.wait_for.enqueue_sync(str(log), str(sign))
        with runworker(settings.ARDIQ, "--processes", "1") as supervisor:
            until(lambda: lines(log) == ["running"])
            victim = holder(job)
            server.pause()
            os.kill(victim, signal.SIGKILL)
            supervisor.hear(f"jobs of worker process {victim} queue=default wait for its lease to end: BrokerError")
            server.resume()
            sign.touch()
            result = job.result_sync(timeout=30)
            end(supervisor)
        bridge.run(get_app().broker.close())
    finally:
        server.kill()

    assert result is not None
    assert (result.value, [attempt.event for attempt in result.attempts]) == ("done", ["crashed"])


def test_reloading_is_for_one_process() -> None:
    with pytest.raises(CommandError, match=re.escape("--reload is for one process: give either it or --processes")):
        call_command("runworker", processes=2, reload=True)
