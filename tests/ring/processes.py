"""Worker processes as an operator starts them, and what they leave behind."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.services import make_directory

SOON_S = 40.0
ROOT = Path(__file__).parent.parent.parent


class WorkerProcess:
    """`manage.py runworker` in a process of its own; it ends with the block at the latest."""

    def __init__(self, queues: dict[str, Any], *arguments: str, **environment: str) -> None:
        env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.ring.worker_settings",
            "ARDIQ_TEST_QUEUES": json.dumps(queues),
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
            **environment,
        }
        command = [sys.executable, "-m", "django", "runworker", *arguments]
        self._log = make_directory("runworker") / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(command, env=env, stdout=log, stderr=log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """Its log so far."""
        return self._log.read_text()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def hear(self, words: str) -> None:
        """Wait until it says this."""
        until(lambda: words in self.said or self._process.poll() is not None)
        assert words in self.said

    def ended(self) -> tuple[int, str]:
        """Its exit code and all it said, once it has ended by itself."""
        return self._process.wait(SOON_S), self.said

    def kill(self) -> None:
        """End it as a crash of its machine would."""
        self._process.kill()
        self._process.wait()


@contextmanager
def runworker(queues: dict[str, Any], *arguments: str, **environment: str) -> Iterator[WorkerProcess]:
    process = WorkerProcess(queues, *arguments, **environment)
    try:
        yield process
    finally:
        process.kill()


def until(holds: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + SOON_S
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def is_alive(pid: int) -> bool:
    """Whether there is such a process, one that has ended and that nobody has asked about not counted."""
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], check=False, capture_output=True, text=True)  # noqa: S607
    return shown.stdout.strip() != "" and not shown.stdout.startswith("Z")
