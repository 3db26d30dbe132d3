"""A worker process as its supervisor sees it."""

import asyncio
import contextlib
import json
import signal
import socket
import time
from typing import Any

from django.utils.autoreload import get_child_arguments

from ardiq_django.clock import now_ms
from ardiq_django.process.health import FRESH_S
from ardiq_django.process.leash import Leash
from ardiq_django.wire import WorkerCard

LOOK_EVERY_S = 0.5


class Child:
    """A process with the supervisor's own command line, in a session of its own: what a terminal sends goes to the
    supervisor alone."""

    def __init__(self, process: asyncio.subprocess.Process, leash: Leash, spawned_ms: int) -> None:
        self._process = process
        self._leash = leash
        self._spawned_ms = spawned_ms
        self._spawned_s = time.monotonic()
        self._has_served = False

    @classmethod
    async def spawn(cls, leash: Leash) -> "Child":
        """Start one; raises `OSError` where the system will not have another process."""
        leash.health_file.unlink(missing_ok=True)
        spawned_ms = now_ms()
        process = await asyncio.create_subprocess_exec(
            *get_child_arguments(), env=leash.environment, pass_fds=(leash.fd,), start_new_session=True
        )
        return cls(process, leash, spawned_ms)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def age_s(self) -> float:
        return time.monotonic() - self._spawned_s

    @property
    def serves(self) -> bool:
        """Whether it came so far as to serve, as one that is started wrongly never does, however long that takes it."""
        self._has_served = self._has_served or self._leash.health_file.exists()
        return self._has_served

    async def ended(self) -> int:
        """Its exit code once it has ended, or less the number of the signal that ended it."""
        ending = asyncio.ensure_future(self._process.wait())
        while not ending.done() and not self.serves:  # one that ends takes the file along, in which it tells
            await asyncio.wait([ending], timeout=LOOK_EVERY_S)
        return await ending

    def sign(self) -> object:
        """What changes with each sign of life; None while it begins, and once it has served."""
        try:
            told, sign = self._leash.health_file.read_text(), self._leash.health_file.stat().st_mtime_ns
            return sign if json.loads(told).get("watched") else None
        except (OSError, ValueError):
            return None

    def kill(self) -> None:
        """End it, also where it hangs or is stopped."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def stop(self) -> None:
        """Ask it to stop, or asked again, to hand back at once."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)

    def was(self, card: WorkerCard) -> bool:
        """Whether that was a worker of this process, which has ended. Numbers of processes are used again, and so the
        time tells too."""
        lived = self._spawned_ms <= card.started_ms <= now_ms()
        return lived and (card.host, card.pid) == (socket.gethostname(), self.pid)

    def health(self) -> dict[str, Any]:
        """What it last told of itself; `ok` only while that is fresh."""
        try:
            told: dict[str, Any] = json.loads(self._leash.health_file.read_text())
        except (OSError, ValueError):
            return {"ok": False, "queues": {}}
        if time.time() - told["told_s"] < FRESH_S:
            return told
        return {"ok": False, "queues": dict.fromkeys(told["queues"], False)}
