"""Workers as processes of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

OURS = (sys.executable, "-m", "django", "runworker", "--settings", "benchmarks.settings", "--verbosity", "0")
STOP_TIMEOUT_S = 30

Command = Sequence[str | Path]


def burst(concurrency: int, processes: int = 1) -> float:
    """Run `manage.py runworker` until the queue is empty; returns the seconds of CPU it took."""
    several = ("--processes", str(processes)) if processes > 1 else ()
    return cpu_s_of((*OURS, "--burst", "--concurrency", str(concurrency), *several))


def cpu_s_of(command: Command, env: Mapping[str, str] | None = None) -> float:
    """Run a process to its end, and return the CPU time of it and of all that it started; raises `RuntimeError` if the
    end is not a good one."""
    process = subprocess.Popen(command, env=env)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"the worker ended with code {process.returncode}")
    return usage.ru_utime + usage.ru_stime


@contextmanager
def serving(command: Command, env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Iterator[int]:
    """Let a worker run meanwhile; gives its process id."""
    process = subprocess.Popen(command, env=env, cwd=cwd)
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(STOP_TIMEOUT_S)
