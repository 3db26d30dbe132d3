"""What is measured of ours. Each function returns figures by name."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any

from ardiq_django import app
from ardiq_django.handles import Job
from benchmarks import producing, worker_process
from benchmarks.producing import TEXT, Figures, figures_of, span_s
from benchmarks.tasks import Timed, nothing, started_at

Way = Callable[[Any, Any, int], Awaitable[Figures]]


def fill(number: int, task: Any = nothing) -> list[Job[Any]]:
    """Put jobs into the queue."""
    return app.enqueue_many_sync([task.prepare(place, TEXT) for place in range(number)])


def dispatch(number: int, concurrency: int, task: Any = nothing, processes: int = 1) -> Figures:
    """Jobs with results kept, run by one worker in burst."""
    idle_s = idle_cpu_s(concurrency, processes)
    jobs = fill(number, task)
    cpu_s = worker_process.burst(concurrency, processes) - idle_s
    return figures_of(number, _span_s(jobs), cpu_s)


@cache
def idle_cpu_s(concurrency: int, processes: int) -> float:
    """What a worker's start and end take."""
    return min(worker_process.burst(concurrency, processes) for _ in range(3))


def calculation(number: int, concurrency: int, task: Any) -> Figures:
    """Jobs that keep a core busy and tell for how long: what their process takes beyond that is the queue's."""
    jobs = fill(number, task)
    worker_process.burst(concurrency)
    bodies, before, after = zip(*map(_value, jobs), strict=True)
    bodies_ns, all_ns = sum(bodies), max(after) - min(before)
    return {
        "jobs/s": number / _span_s(jobs),
        "CPU µs of the bare function": bodies_ns / number / 1000,
        "CPU µs beside it": (all_ns - bodies_ns) / number / 1000,
    }


def _span_s(jobs: list[Job[Any]]) -> float:
    return app.broker.run_sync(span_s(app, [job.id for job in jobs]))


def _value(job: Job[Timed]) -> Timed:
    result = job.result_sync()
    if result is None or not result.success:
        raise RuntimeError(f"job {job.id} ended as {result}")
    value: Timed = result.value
    return value


def enqueue(way: Way, number: int, task: Any = nothing) -> Figures:
    """One of the ways of enqueueing, on an event loop."""

    async def run() -> Figures:
        try:
            return await way(app, task, number)
        finally:
            await app.broker.close()

    return asyncio.run(run())


def enqueue_sync(number: int) -> Figures:
    """`task.enqueue_sync(...)`, each after the other."""
    nothing.enqueue_sync(0, TEXT)
    began = time.perf_counter()
    for place in range(number):
        nothing.enqueue_sync(place, TEXT)
    return {"jobs/s": number / (time.perf_counter() - began)}


def idle_latency(number: int) -> Figures:
    """The wait of a job for a worker that has nothing else to do."""
    with worker_process.serving((*worker_process.OURS, "--concurrency", "16")):
        return enqueue(producing.idle_latency, number, started_at)
