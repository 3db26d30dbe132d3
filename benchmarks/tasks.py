"""The jobs that are measured."""

import time

from ardiq_django import app


@app.task
async def nothing(number: int, text: str) -> int:
    return number


@app.task
def nothing_sync(number: int, text: str) -> int:
    return number


@app.task
async def started_at() -> int:
    """When the body began, by the clock that all processes of this machine share."""
    return time.perf_counter_ns()
