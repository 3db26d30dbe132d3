"""A worker process that hangs is ended before others may take its jobs, and its innocent jobs come to no harm."""

import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from ardiq_django import Ardiq, Job, TaskResult, bridge
from tests.contract.conftest import on_database
from tests.ring.processes import WorkerProcess, lines, runworker, until

BROKERS = [pytest.param("redis"), on_database("sqlite"), on_database("postgres", "postgres")]
ADDRESSES = {"sqlite": "database://default", "postgres": "database://postgres"}
ELSEWHERE = {"default": {"BROKER": "memory://"}}  # the tests' own tasks have to be declared somewhere
SOON_S = 120.0


class Place:
    """A queue, and the processes that serve it."""

    def __init__(self, address: str, directory: Path) -> None:
        self.address = address
        self.queue = f"h-{secrets.token_hex(4)}"
        self.app = Ardiq(address, queue_name=self.queue)
        self.log, self.sign = str(directory / "log"), str(directory / "sign")

    def ask(self, task: str, *args: Any) -> Job[Any]:
        return self.app.ref(task).enqueue_sync(*args)

    def end_of(self, job: Job[Any]) -> TaskResult[Any]:
        result = job.result_sync(timeout=SOON_S)
        assert result is not None
        return result

    def runworker(self, *flags: str, **environment: str) -> AbstractContextManager[WorkerProcess]:
        return runworker(ELSEWHERE, "tests.ring.hanging:app", *flags, **self._told, **environment)

    @property
    def _told(self) -> dict[str, str]:
        return {"ARDIQ_TEST_BROKER": self.address, "ARDIQ_TEST_QUEUE": self.queue}

    def pids(self) -> set[int]:
        """The processes whose workers are registered."""
        return {row.card.pid for row in bridge.run(self.app.broker.workers())}

    def said(self) -> list[str]:
        return sorted(lines(Path(self.log)))


@pytest.fixture(params=BROKERS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    address = ADDRESSES.get(request.param) or str(request.getfixturevalue("redis_url"))
    made = Place(address, tmp_path)
    yield made
    bridge.run(made.app.broker.close())


def events(result: TaskResult[Any]) -> list[str]:
    return [attempt.event for attempt in result.attempts]


def end(process: WorkerProcess) -> str:
    process.signal(signal.SIGTERM)
    code, said = process.ended()
    assert code == 0, said
    return said


def test_a_job_that_never_lets_go_of_the_loop_ends_as_failed_and_its_neighbours_succeed(place: Place) -> None:
    with place.runworker("--processes", "2") as supervisor:
        until(lambda: len(place.pids()) == 2)
        neighbours = [place.ask("wait_for", place.log, place.sign) for _ in range(3)]
        until(lambda: place.said() == ["waits"] * 3)
        spinning = place.ask("spin", place.log)
        supervisor.hear("because its event loop had stood still for")
        Path(place.sign).touch()
        results, guilty = [place.end_of(job) for job in neighbours], place.end_of(spinning)
        until(lambda: len(place.pids()) == 2)
        said = end(supervisor)

    assert (guilty.success, events(guilty)) == (False, ["crashed"] * 3)
    assert guilty.value == "its worker was lost 3 times while it ran"
    assert [result.value for result in results] == ["waited"] * 3
    assert sorted(len(events(result)) for result in results) == [0, 0, 1]
    assert place.said().count("spins") == 3
    assert "in spin" in said
    assert said.count("because its event loop had stood still for") == 3


def test_code_in_c_that_holds_the_interpreter_is_no_way_out(place: Place) -> None:
    with place.runworker("--processes", "1") as supervisor:
        guilty = place.end_of(place.ask("hold_the_lock", place.log))
        innocent = place.end_of(place.ask("quick"))
        said = end(supervisor)

    assert (guilty.success, guilty.value) == (False, "its worker was lost 3 times while it ran")
    assert innocent.value == "async"
    assert place.said() == ["holds"] * 3
    assert "in hold_the_lock" in said
    assert "killed by SIGKILL, because its event loop had stood still for" in said
    assert said.count("because its event loop had stood still for") == 3


def test_a_process_that_was_stopped_is_killed_and_replaced(place: Place) -> None:
    with place.runworker("--processes", "1") as supervisor:
        job = place.ask("wait_for", place.log, place.sign)
        until(lambda: place.said() == ["waits"])
        (victim,) = place.pids()
        os.kill(victim, signal.SIGSTOP)
        until(lambda: place.said() == ["waits"] * 2)
        Path(place.sign).touch()
        result = place.end_of(job)
        said = end(supervisor)

    assert (result.value, events(result)) == ("waited", ["crashed"])
    assert f"worker process {victim} ended: killed by SIGKILL, because its event loop had stood still for" in said
    assert f"took back 1 jobs of worker process {victim}" in said


def test_a_loop_that_stands_still_for_most_of_a_lease_keeps_its_job(place: Place) -> None:
    lease_s = 9.0

    with place.runworker(ARDIQ_TEST_LEASE_MS=f"{lease_s * 1000:.0f}") as worker:
        job = place.ask("doze", place.log, 0.8 * lease_s)
        until(lambda: place.said() == ["dozes"])
        with place.runworker(ARDIQ_TEST_LEASE_MS=f"{lease_s * 1000:.0f}") as other:
            other.hear("worker began")
            result = place.end_of(job)
            end(other)
        said = end(worker)

    assert (result.value, events(result)) == ("went on", [])
    assert place.said() == ["dozes"]
    assert said.count("event loop stands still") == 1
    assert "time.sleep(seconds)" in said


def test_one_alone_that_hangs_ends_and_leaves_its_jobs_to_others(place: Place) -> None:
    job = place.ask("spin", place.log)

    with place.runworker() as worker:
        code, said = worker.ended()

    assert code == 1, said
    assert "ends: its event loop has stood still for" in said
    assert "in spin" in said
    assert (job.status_sync(), place.said()) == ("running", ["spins"])


def test_one_alone_that_was_stopped_goes_on(place: Place) -> None:
    with place.runworker(ARDIQ_TEST_LEASE_MS="1500") as worker:
        first = place.ask("wait_for", place.log, place.sign)
        until(lambda: place.said() == ["waits"])
        worker.signal(signal.SIGSTOP)
        with place.runworker(ARDIQ_TEST_LEASE_MS="1500") as other:
            until(lambda: place.said() == ["waits"] * 2)
            Path(place.sign).touch()
            result = place.end_of(first)
            end(other)
        worker.signal(signal.SIGCONT)
        second = place.end_of(place.ask("quick"))
        end(worker)

    assert (result.value, events(result)) == ("waited", ["crashed"])
    assert second.value == "async"


def test_threads_that_are_stuck_keep_their_slots_and_nothing_else(place: Place) -> None:
    with place.runworker("--shutdown-timeout", "0.1", ARDIQ_TEST_SLOTS="12") as worker:
        held = [place.ask("stuck", place.log, place.sign) for _ in range(10)]
        until(lambda: worker.said.count("timed out, thread still busy") == 10)
        beside = [place.end_of(place.ask(task)).value for task in ("quick", "quick_in_a_thread") * 2]
        statuses = {str(job.status_sync()) for job in held}
        said = end(worker)

    assert beside == ["async", "sync"] * 2
    assert statuses == {"running"}
    assert {str(job.status_sync()) for job in held} == {"queued"}
    assert place.said() == ["stuck"] * 10
    assert place.pids() == set()
    assert "worker ended" in said


def test_while_somebody_develops_nobody_is_killed(place: Place) -> None:
    with place.runworker("--processes", "1", ARDIQ_TEST_DEBUG="yes") as supervisor:
        until(lambda: len(place.pids()) == 1)
        before = place.pids()
        place.ask("doze", place.log, 4.0)
        supervisor.hear("Timeout (")
        after = place.end_of(place.ask("quick"))
        assert place.pids() == before
        said = end(supervisor)

    assert after.value == "async"
    assert "in doze" in said
