"""What a worker holds: at rest in the example project, and how much more after hundreds of thousands of jobs."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from ardiq_django import app
from ardiq_django.results import State
from benchmarks import worker_process
from benchmarks.producing import Figures
from benchmarks.scenarios import fill

EXAMPLE = Path(__file__).parent.parent / "example_project"
UNWANTED = shutil.ignore_patterns("__pycache__", "*.sqlite3*", "*.log")
ROUNDS = 5
TIMEOUT_S = 600
LOOKS, BETWEEN_S = 20, 0.1


def at_rest(broker: str) -> Figures:
    """The worker of the example project, started as its README says, that has nothing to do."""
    with example(broker) as (directory, env):
        manage, health = (sys.executable, directory / "manage.py"), directory / "health"
        subprocess.run((*manage, "migrate", "--verbosity", "0"), env=env, check=True)
        command = (*manage, "runworker", "--verbosity", "0", "--health-file", health)
        with worker_process.serving(command, env) as pid:
            until(health.exists)
            return {"MB resident": _resident_mb(pid)}


@contextmanager
def example(broker: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """A copy of the example project as in a fresh checkout, and the environment of its processes."""
    with TemporaryDirectory(prefix="ardiq-example-") as directory:
        copy = Path(directory) / EXAMPLE.name
        shutil.copytree(EXAMPLE, copy, ignore=UNWANTED)
        (copy / "var").mkdir(exist_ok=True)
        yield copy, {**os.environ, "DJANGO_SETTINGS_MODULE": "code_index.settings", "BROKER": broker, "DEBUG": "0"}


def growth(number: int) -> Figures:
    """What `number` no-op jobs add, in rounds; the first round comes before and warms up."""
    with worker_process.serving((*worker_process.OURS, "--concurrency", "100")) as pid:
        held = [_held_after(number // ROUNDS, pid) for _ in range(ROUNDS + 1)]
    return {"MB more per 100,000 jobs": (held[-1] - held[0]) / number * 100_000, "MB resident at last": held[-1]}


def _held_after(number: int, pid: int) -> float:
    fill(number)
    until(lambda: not _has_jobs())
    return _resident_mb(pid)


def _has_jobs() -> bool:
    counts = app.broker.run_sync(app.broker.counts())
    return bool(counts[State.QUEUED] or counts[State.RUNNING])


def _resident_mb(pid: int) -> float:
    """The median of some looks at a process."""
    return statistics.median(_look_mb(pid) for _ in range(LOOKS))


def _look_mb(pid: int) -> float:
    time.sleep(BETWEEN_S)
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True)  # noqa: S607
    return int(shown.stdout) / 1024


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + TIMEOUT_S
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen within {TIMEOUT_S} s")
        time.sleep(BETWEEN_S)
