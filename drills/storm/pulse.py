"""How long an event loop did not come round: stopped, starved or blocked, and measured where it happened."""

import asyncio
import time
from collections.abc import Callable

EVERY_S = 0.1
WORTH_S = 0.3


async def pulse(late: Callable[[float, float], object]) -> None:
    """For ever: call `late(since_s, until_s)` after each stretch of time in which this loop did not run."""
    before = time.monotonic()
    while True:
        await asyncio.sleep(EVERY_S)
        now = time.monotonic()
        if now - before - EVERY_S > WORTH_S:
            late(before, now)
        before = now
