"""The shop as it is installed somewhere: a server, workers, and a till to enqueue at."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import Request, urlopen

from tests.ring.processes import ROOT
from tests.services import free_port, make_directory

PATIENCE_S = 45
START_S = 120  # where many tests run at once, on few cores


class Site:
    """Its processes end with the block at the latest."""

    def __init__(self, queues: Mapping[str, Any], root: Path = ROOT) -> None:
        self.home = make_directory("shop")
        self.root = root  # where its code lies, as tracebacks tell it
        self.queues = queues
        self.address = f"http://127.0.0.1:{free_port()}"
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> "Site":
        self._server = self.start("server", "tests.browser.serve", self.address.rpartition(":")[2])
        return self

    def opened(self) -> None:
        """Return once it answers."""
        deadline = time.monotonic() + START_S
        while not self._answers():
            is_starting = self._server.poll() is None and time.monotonic() < deadline
            assert is_starting, self.said("server")
            time.sleep(0.05)

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()

    def hire(self, *arguments: str) -> subprocess.Popen[bytes]:
        """One more worker of all queues; it may still have to start."""
        return self.start("worker", "django", "runworker", "--no-reload", *arguments)

    def start(self, log: str, *command: str) -> subprocess.Popen[bytes]:
        """A module of Python, run with the settings of the shop."""
        with (self.home / f"{log}.log").open("a") as file:
            line = (sys.executable, "-m", *command)
            process = subprocess.Popen(line, env=self.environment, cwd=self.home, stdout=file, stderr=file)
        self._processes.append(process)
        return process

    def said(self, log: str) -> str:
        return (self.home / f"{log}.log").read_text()

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.browser.settings",
            "ARDIQ_BROWSER_HOME": str(self.home),
            "ARDIQ_BROWSER_QUEUES": json.dumps(self.queues),
            "PYTHONPATH": str(self.root),
        }

    def sell(self, queue: str, task: str, *args: Any, times: int = 1, **options: Any) -> list[str]:
        """Enqueue at the till; returns the ids."""
        said = {"queue": queue, "task": task, "args": args, "times": times, "options": options}
        with urlopen(Request(f"{self.address}/till/", json.dumps(said).encode()), timeout=PATIENCE_S) as answer:  # noqa: S310
            ids: list[str] = json.load(answer)["ids"]
            return ids

    def _answers(self) -> bool:
        try:
            urlopen(f"{self.address}/favicon.ico", timeout=PATIENCE_S).close()  # noqa: S310
        except (URLError, OSError):
            return False
        return True
