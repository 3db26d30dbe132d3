"""The tasks of the scenarios. What their bodies do is told in a ledger outside of the broker."""

import asyncio
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ardiq_django import Ardiq, current_task
from drills.ledger import noted

ZOMBIE = "zombie"  # the worker that is stopped, taken for dead, and wakes up


def made(address: str, queue: str, **options: Any) -> Ardiq:
    """An app with every task of the scenarios."""
    app = Ardiq(address, queue_name=queue, **options)
    for function in (steady, hold, hold_in_thread, wait_for_end, leave, die):
        app.task(max_retries=0)(function)
    app.task(max_retries=0, unique=True)(stale)
    return app


async def steady(seconds: float) -> int:
    """Take so long."""
    with noted():
        await asyncio.sleep(seconds)
    return os.getpid()


async def hold(sign: str) -> int:
    """Run until a file appears."""
    with noted():
        while not Path(sign).exists():  # noqa: ASYNC110, ASYNC240 (a file announces nothing)
            await asyncio.sleep(0.02)
    return os.getpid()


def hold_in_thread(sign: str) -> int:
    """The same in a thread."""
    with noted():
        _until_there(sign)
    return os.getpid()


async def wait_for_end(job_id: str) -> Any:
    """Wait for another job's end; returns what came of it."""
    with noted():
        result = await current_task().app.job(job_id).result(timeout=60)
    return result and result.value


def stale(sign: str, end: str) -> str:
    """In the zombie: run until a file appears, whoever has the job by then, and fail if that is the `end`."""
    with noted():
        if current_task().worker_id != ZOMBIE:
            return "fresh"
        _until_there(sign)
        if end == "failure":
            raise ValueError("stale")
        return "stale"


async def leave() -> None:
    """End the interpreter, as far as a job can."""
    with noted():
        sys.exit(3)


def die() -> None:
    """End the process as the kernel does when memory runs out."""
    with noted():
        os.kill(os.getpid(), signal.SIGKILL)


async def tick() -> None:
    """What a schedule calls."""
    with noted():
        pass


def shift_clock(seconds: float) -> None:
    """Let the clock of this host be wrong by so much."""
    true, true_ns = time.time, time.time_ns
    time.time = lambda: true() + seconds
    time.time_ns = lambda: true_ns() + round(seconds * 1e9)


def _until_there(sign: str) -> None:
    while not Path(sign).exists():
        threading.Event().wait(0.02)
