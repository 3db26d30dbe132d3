"""The bodies of the chaos drill. Each returns the nonce of its attempt, so that a record tells which one wrote it."""

import asyncio
import os
import signal
import threading
from collections.abc import AsyncGenerator

from ardiq_django import app, get_app
from drills.storm.journal import begun, write_gap
from drills.storm.pulse import pulse

fragile = get_app("fragile")
BACKOFF_MS = 300


class Planned(Exception):
    """An attempt fails because its job is to be retried."""


@app.task(name="storm.on_loop")
async def on_loop(seconds: float, mark: int = 0) -> str:
    """Take so long, on the loop."""
    with begun() as attempt:
        await asyncio.sleep(seconds)
        return attempt.nonce


@app.task(name="storm.in_thread")
def in_thread(seconds: float, mark: int = 0) -> str:
    """Take so long, in a thread."""
    with begun() as attempt:
        threading.Event().wait(seconds)
        return attempt.nonce


@app.task(name="storm.flaky", max_retries=3, backoff_ms=BACKOFF_MS)
async def flaky(seconds: float, failures: int) -> str:
    """Fail so often, and succeed then."""
    with begun() as attempt:
        await asyncio.sleep(seconds)
        if attempt.tries <= failures:
            raise Planned(f"attempt {attempt.tries}")
        return attempt.nonce


@fragile.task(name="storm.innocent")
async def innocent(seconds: float) -> str:
    """Take so long, in the queue that has poison in it."""
    with begun() as attempt:
        await asyncio.sleep(seconds)
        return attempt.nonce


@fragile.task(name="storm.poison")
def poison() -> None:
    """End the process that runs it."""
    with begun():
        os.kill(os.getpid(), signal.SIGKILL)


@app.lifespan
async def watch() -> AsyncGenerator[None]:
    """While the worker lives, note where its loop came to a halt, whoever halted it."""
    beating = asyncio.create_task(pulse(write_gap))
    try:
        yield
    finally:
        beating.cancel()
