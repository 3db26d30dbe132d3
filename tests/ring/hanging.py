"""An app whose jobs let the event loop of their worker stand still, each in its own way."""

import asyncio
import os
import re
import threading
import time
from pathlib import Path

from ardiq_django import Ardiq

app = Ardiq(
    os.environ.get("ARDIQ_TEST_BROKER", "database://default"),
    queue_name=os.environ.get("ARDIQ_TEST_QUEUE", "hanging"),
    idle_timeout_ms=int(os.environ.get("ARDIQ_TEST_LEASE_MS", "3000")),
    concurrency=int(os.environ.get("ARDIQ_TEST_SLOTS", "2")),
)


@app.task(name="spin")
async def spin(log: str) -> None:
    """Never let go of the event loop."""
    _write(log, "spins")
    while True:
        pass


@app.task(name="hold_the_lock")
async def hold_the_lock(log: str) -> None:
    """Never let go of the interpreter, in C."""
    _write(log, "holds")
    re.fullmatch("(a+)+", "a" * 60 + "b")


@app.task(name="doze")
async def doze(log: str, seconds: float) -> str:
    """Let the event loop stand still for a while."""
    _write(log, "dozes")
    time.sleep(seconds)  # noqa: ASYNC251
    return "went on"


@app.task(name="wait_for")
async def wait_for(log: str, sign: str) -> str:
    """Wait for a file, and let others have their turn."""
    _write(log, "waits")
    while not Path(sign).exists():  # noqa: ASYNC110, ASYNC240
        await asyncio.sleep(0.01)
    return "waited"


@app.task(name="stuck", timeout=0.2, max_retries=0)
def stuck(log: str, sign: str) -> None:
    """Occupy a thread until a file appears, whatever is asked of it."""
    _write(log, "stuck")
    while not Path(sign).exists():
        threading.Event().wait(0.01)


@app.task(name="quick")
async def quick() -> str:
    return "async"


@app.task(name="quick_in_a_thread")
def quick_in_a_thread() -> str:
    return "sync"


def _write(path: str, word: str) -> None:
    with open(path, "a") as file:
        file.write(f"{word}\n")
