"""Where a scenario plays: a queue, worker processes that serve it, and the ledger of what they ran."""

import json
import secrets
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from redis import Redis

from ardiq_django import Job, TaskResult, bridge
from ardiq_django.snapshot import Snapshot
from drills.ledger import BEGAN, Ledger
from tests.ring.processes import WorkerProcess, is_alive, runworker, until
from tests.scenarios import work

LEASE_MS = 1_500
ELSEWHERE = {"default": {"BROKER": "memory://"}}  # the tests' own tasks have to be declared somewhere
SOON_S = 40.0


class Stage:
    """One queue on one broker, seen by its producer."""

    def __init__(self, address: str, directory: Path) -> None:
        self.directory = directory
        self._described: dict[str, Any] = {
            "address": address,
            "queue": f"s-{secrets.token_hex(4)}",
            "idle_timeout_ms": LEASE_MS,
        }
        self.app = work.made(**self._described)
        self.ledger = Ledger(directory / "ledger")

    @contextmanager
    def worker(
        self, name: str, *flags: str, environment: Mapping[str, str] | None = None, **options: Any
    ) -> Iterator[WorkerProcess]:
        """`manage.py runworker` for this queue, which has begun; killed with the block at the latest."""
        told = self.environment(name, **options) | dict(environment or {})
        with runworker(ELSEWHERE, "tests.scenarios.served:app", *flags, **told) as process:
            hear(process, "worker began")
            try:
                yield process
            finally:
                process.signal(signal.SIGCONT)

    def environment(self, name: str, **options: Any) -> dict[str, str]:
        """What tells a process which app it serves, and under which name."""
        return {
            "SCENARIO_APP": json.dumps({**self._described, "worker_id": name, **options}),
            "DRILL_LEDGER": str(self.directory / "ledger"),
            "DRILL_CODE": name,
        }

    def enqueue(self, task: str, *args: Any, **options: Any) -> Job[Any]:
        reference = self.app.ref(task)
        return (reference.options(**options) if options else reference).enqueue_sync(*args)

    def sign(self, name: str) -> Path:
        """A file for which jobs wait."""
        return self.directory / name

    def starts(self, job: Job[Any]) -> list[str]:
        """The workers that began this job, one after the other."""
        return [entry.code for entry in self.ledger.of(BEGAN) if entry.job_id == job.id]

    def until_begun(self, *jobs: Job[Any], times: int = 1) -> None:
        until(lambda: all(len(self.starts(job)) >= times for job in jobs))

    def end_of(self, job: Job[Any]) -> TaskResult[Any]:
        result = job.result_sync(timeout=SOON_S)
        assert result is not None
        return result

    def snapshot(self, job: Job[Any]) -> Snapshot:
        found = bridge.run(self.app.broker.get(job.id))
        assert found is not None
        return found

    def close(self) -> None:
        bridge.run(self.app.broker.close())
        self.ledger.close()


def hear(worker: WorkerProcess, words: str) -> None:
    """Wait until it says this."""
    until(lambda: words in worker.said or not is_alive(worker.pid))
    assert words in worker.said, worker.said


def stop(worker: WorkerProcess) -> None:
    """Ask it to stop, and see it end well."""
    worker.signal(signal.SIGTERM)
    code, said = worker.ended()
    assert code == 0, said


def kill_connections(address: str, kind: str) -> None:
    """Take all other connections of a kind from Redis."""
    with Redis.from_url(address) as client:
        client.client_kill_filter(_type=kind, skipme=True)


def freeze(worker: WorkerProcess) -> None:
    """Stop its process where it stands."""
    worker.signal(signal.SIGSTOP)
    until(lambda: "T" in _state_of(worker.pid))


def _state_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
