"""The workers of a drill: `manage.py runworker` as an operator starts it, one process or several."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from drills.patience import until

COMMAND = (sys.executable, "-m", "django", "runworker")
TICKS = os.sysconf("SC_CLK_TCK")


class Worker:
    """One `runworker`; with `processes` a supervisor and so many beneath it."""

    def __init__(
        self, log: Path, code: str, *flags: str, processes: int = 0, environment: Mapping[str, str] | None = None
    ) -> None:
        self.code = code
        self.processes = processes
        self._log = log
        several = ("--processes", str(processes)) if processes else ()
        with log.open("w") as file:
            self._process = subprocess.Popen(
                [*COMMAND, *several, *flags],
                env=os.environ | {"DRILL_CODE": code, **(environment or {})},
                stdout=file,
                stderr=file,
            )

    @property
    def said(self) -> str:
        """Its log so far."""
        return self._log.read_text()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def serving(self) -> list[int]:
        """The processes that run jobs."""
        return children_of(self.pid) if self.processes else [self.pid]

    @property
    def all_pids(self) -> list[int]:
        return [self.pid, *(children_of(self.pid) if self.processes else ())]

    def until_it_serves(self) -> None:
        """Return once each of its processes has begun; raises if it ends before."""
        until(
            lambda: self.said.count("worker began") >= max(1, self.processes) or not self.is_running, "a worker began"
        )
        if not self.is_running:
            raise RuntimeError(f"the worker ended with code {self._process.returncode}:\n{self.said[-2000:]}")

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to stop, as a deploy does."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait(120)

    def kill(self) -> None:
        """End what is left of it."""
        if self.is_running:
            self._process.kill()  # what is beneath a supervisor stops with it
            self._process.wait()


class Fleet:
    """All workers of a drill, those that have ended too."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.workers: list[Worker] = []

    def start(self, code: str, *flags: str, processes: int = 0, environment: Mapping[str, str] | None = None) -> Worker:
        """Start one, not waiting for it; `environment` is its own."""
        log = self._directory / f"worker-{len(self.workers)}.log"
        self.workers.append(Worker(log, code, *flags, processes=processes, environment=environment))
        return self.workers[-1]

    def stop(self) -> Sequence[int]:
        """Stop those that still run; the exit codes of all there ever were."""
        for worker in self.workers:
            if worker.is_running:
                worker.stop()
        return [worker.ended() for worker in self.workers]


@contextmanager
def fleet(directory: Path) -> Iterator[Fleet]:
    """Workers that end with the block at the latest."""
    made = Fleet(directory)
    try:
        yield made
    finally:
        for worker in made.workers:
            worker.kill()


def children_of(pid: int) -> list[int]:
    """The processes that this one has started and that live."""
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def cpu_s(pids: Sequence[int]) -> float:
    """The CPU time these processes have taken since they began."""
    total = 0
    for pid in pids:
        # the name, which stands in brackets, may contain spaces
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(after_name[11]) + int(after_name[12])  # utime, stime
    return total / TICKS


@contextmanager
def cpu_share_of(pids: Sequence[int]) -> Iterator[list[float]]:
    """After the block, the share of a core that each of these took over its length."""
    before, began = [cpu_s([pid]) for pid in pids], time.monotonic()
    shares: list[float] = []
    yield shares
    took_s = time.monotonic() - began
    shares += [(cpu_s([pid]) - first) / took_s for pid, first in zip(pids, before, strict=True)]
