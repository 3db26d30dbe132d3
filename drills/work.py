"""The bodies of the jobs, which both generations of the code share."""

import asyncio
import threading
from pathlib import Path

from ardiq_django import current_task
from drills.ledger import noted

FAILURES = 2  # of a job that is to be retried, before it succeeds


async def work(seconds: float) -> None:
    """Take so long, on the loop."""
    with noted():
        await asyncio.sleep(seconds)


def work_in_thread(seconds: float) -> None:
    """Take so long, in a thread."""
    with noted():
        threading.Event().wait(seconds)


async def fail_at_first(seconds: float) -> None:
    """Fail, and succeed at the last attempt."""
    with noted() as attempt:
        await asyncio.sleep(seconds)
        if attempt <= FAILURES:
            raise OSError(f"attempt {attempt} of {current_task().name} fails as it should")


async def wait_for(sign: str) -> None:
    """Run until a file appears."""
    with noted():
        while not Path(sign).exists():  # noqa: ASYNC110, ASYNC240 (a file announces nothing)
            await asyncio.sleep(0.1)
