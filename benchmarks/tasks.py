"""The jobs that are measured. All take the same arguments, so that any of them can be put into the queue alike."""

import asyncio
import time

from django.contrib.contenttypes.models import ContentType

from ardiq_django import app

NAP_S = 0.01
STEPS = 10_000  # of pure Python, about a millisecond

# in nanoseconds of CPU: what the work took its thread, and what the whole process had taken before and after it
Timed = list[int]


@app.task
async def nothing(number: int, text: str) -> int:
    return number


@app.task
def nothing_sync(number: int, text: str) -> int:
    return number


@app.task
async def started_at(number: int, text: str) -> int:
    """When the body began, by the clock that all processes of this machine share."""
    return time.perf_counter_ns()


@app.task
async def nap(number: int, text: str) -> int:
    """As if it waited for somebody else's answer."""
    await asyncio.sleep(NAP_S)
    return number


@app.task
async def calculate(number: int, text: str) -> Timed:
    return timed_work()


@app.task
def calculate_sync(number: int, text: str) -> Timed:
    return timed_work()


@app.task
async def query(number: int, text: str) -> int:
    return await ContentType.objects.acount()


@app.task
def query_sync(number: int, text: str) -> int:
    return ContentType.objects.count()


def timed_work() -> Timed:
    """Do the same piece of work each time."""
    before, began = time.process_time_ns(), time.thread_time_ns()
    sum(step * step % 7 for step in range(STEPS))
    took = time.thread_time_ns() - began
    return [took, before, time.process_time_ns()]
