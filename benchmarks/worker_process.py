"""Real workers: `manage.py runworker` as a process of its own, with its CPU time and wall time."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass

COMMAND = [sys.executable, "-m", "django", "runworker", "--settings", "benchmarks.settings", "--verbosity", "0"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a finished process took."""

    wall_s: float
    cpu_s: float

    def less(self, other: "Cost") -> "Cost":
        return Cost(self.wall_s - other.wall_s, self.cpu_s - other.cpu_s)


def burst(concurrency: int) -> Cost:
    """Run a worker until the queue is empty."""
    began = time.perf_counter()
    process = subprocess.Popen([*COMMAND, "--burst", "--concurrency", str(concurrency)])
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the worker ended with code {process.returncode}")
    return Cost(time.perf_counter() - began, usage.ru_utime + usage.ru_stime)


def serve(concurrency: int) -> "subprocess.Popen[bytes]":
    """Start a worker that runs until it is terminated."""
    return subprocess.Popen([*COMMAND, "--concurrency", str(concurrency)])
