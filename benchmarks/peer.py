"""Ardiq itself beside ours: an environment of its own, and its side of each scenario."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks import worker_process
from benchmarks.producing import Figures, figures_of

VERSION = "1.2.0"
NAME = f"Ardiq {VERSION}"
OLDEST_PYTHON = (3, 12)
ROOT = Path(__file__).parent.parent


class PeerMissing(Exception):
    """It cannot be compared here; the message says why."""


def find_python() -> Path:
    """The Python of an environment with the peer in it, of the version that runs us; made where it is not there.

    Raises `PeerMissing`."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise PeerMissing("it needs Python 3.12 or later, and this is {}.{}".format(*sys.version_info))
    directory = ROOT / ".bench-peer" / "{}.{}".format(*sys.version_info)
    ready, python = directory / f"ready-{VERSION}", directory / "bin" / "python"
    if not ready.exists():
        install = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
        try:
            subprocess.run((sys.executable, "-m", "venv", directory), check=True)
            subprocess.run((*install, f"ardiq=={VERSION}", f"uvloop=={_uvloop()}"), check=True)
        except subprocess.CalledProcessError as error:
            raise PeerMissing(f"it could not be installed: {error}") from error
        ready.touch()
    return python


def _uvloop() -> str:
    try:
        return version("uvloop")
    except PackageNotFoundError as error:
        raise PeerMissing("ours is not on uvloop here: pip install uvloop") from error


class Peer:
    """Ardiq on the broker that the environment names, in processes of its own."""

    def __init__(self, python: Path) -> None:
        self._program = (python, "-m", "benchmarks.peer_side")

    def dispatch(self, number: int, concurrency: int) -> Figures:
        """No-op jobs with results kept, by one worker in burst; its start and end are taken off."""
        idle_s = self._idle_cpu_s(concurrency)
        ids = self._ask("fill", number)
        cpu_s = self._burst(concurrency) - idle_s
        return figures_of(number, self._ask("span_s", *ids), cpu_s)

    @cache  # noqa: B019 (there is one)
    def _idle_cpu_s(self, concurrency: int) -> float:
        return min(self._burst(concurrency) for _ in range(3))

    def enqueue(self, way: Callable[..., object], number: int) -> Figures:
        """One of the ways of enqueueing."""
        return dict(self._ask(way.__name__, number))

    def idle_latency(self, number: int) -> Figures:
        """The wait of a job for a worker that has nothing else to do."""
        with worker_process.serving((*self._program, "work"), _env(16)):
            return dict(self._ask("idle_latency", number))

    def _burst(self, concurrency: int) -> float:
        return worker_process.cpu_s_of((*self._program, "burst"), _env(concurrency))

    def _ask(self, what: str, *given: object) -> Any:
        asked = subprocess.run((*self._program, what, *map(str, given)), stdout=subprocess.PIPE, check=True, text=True)
        return json.loads(asked.stdout)


def _env(concurrency: int) -> dict[str, str]:
    return {**os.environ, "BENCH_CONCURRENCY": str(concurrency)}
