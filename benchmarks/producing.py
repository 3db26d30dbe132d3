"""What producers measure: ways of enqueueing, and what results tell of their jobs. Written against the API that Ardiq
and we share, and run on both."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from typing import Any

Figures = dict[str, float]
TEXT = "some words to carry"
TOGETHER = 100  # callers at once
NEAR = 200  # jobs; more than run at once
PAUSE_S = 0.02  # between two jobs of an idle worker
WAIT_S = 60


async def span_s(app: Any, ids: Sequence[str]) -> float:
    """From the start of the first job to the finish of the last one, as the results of those near both ends tell it."""
    results = [await app.result(job_id) for job_id in (*ids[:NEAR], *ids[-NEAR:])]
    if not all(result and result.success for result in results):
        raise RuntimeError("jobs are left, or did not succeed")
    return float(max(result.finish for result in results) - min(result.start for result in results)) / 1000


def figures_of(number: int, span_s: float, cpu_s: float) -> Figures:
    """Those of a worker that took so long, and so much CPU time beyond its start and end."""
    return {"jobs/s": number / span_s, "worker CPU µs/job": cpu_s / number * 1e6}


async def in_bulk(app: Any, task: Any, number: int) -> Figures:
    """`prepare` and `enqueue_many` together."""
    await app.enqueue_many([task.prepare(0, TEXT)])
    began = time.perf_counter()
    await app.enqueue_many(task.prepare(place, TEXT) for place in range(number))
    return _rate(number, began)


async def one_by_one(app: Any, task: Any, number: int) -> Figures:
    """`await task.enqueue(...)`, each after the other."""
    await task.enqueue(0, TEXT)
    began = time.perf_counter()
    for place in range(number):
        await task.enqueue(place, TEXT)
    return _rate(number, began)


async def gathered(app: Any, task: Any, number: int) -> Figures:
    """`asyncio.gather` of a hundred `task.enqueue(...)`, again and again."""
    await task.enqueue(0, TEXT)
    began = time.perf_counter()
    for first in range(0, number, TOGETHER):
        await asyncio.gather(*(task.enqueue(place, TEXT) for place in range(first, min(first + TOGETHER, number))))
    return _rate(number, began)


async def idle_latency(app: Any, task: Any, number: int) -> Figures:
    """From before `await enqueue` to the first line of the body, which returns when that was."""
    await _latency_ms(task)
    waits = [await _latency_ms(task) for _ in range(number)]
    return {"median ms": statistics.median(waits), "p99 ms": statistics.quantiles(waits, n=100)[98]}


async def _latency_ms(task: Any) -> float:
    await asyncio.sleep(PAUSE_S)
    began = time.perf_counter_ns()
    job = await task.enqueue(0, TEXT)
    result = await job.result(WAIT_S)
    return float(result.value - began) / 1e6


def _rate(number: int, began: float) -> Figures:
    return {"jobs/s": number / (time.perf_counter() - began)}
