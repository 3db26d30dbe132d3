"""What is measured. Each scenario returns figures by name; the machine's start-up costs are measured and taken off."""

import asyncio
import statistics
import time
from collections.abc import Callable

from ardiq_django import app
from ardiq_django.handles import Job
from benchmarks import worker_process
from benchmarks.tasks import nothing, nothing_sync, started_at

Figures = dict[str, float]
TEXT = "some words to carry"


def fill(number: int, task: object = nothing) -> None:
    """Put jobs into the queue."""
    app.enqueue_many_sync(task.prepare(place, TEXT) for place in range(number))  # type: ignore[attr-defined]


def empty() -> None:
    """Forget what a run left waiting."""
    app.broker.run_sync(app.broker.clear())


def dispatch(number: int, concurrency: int, task: object = nothing) -> Figures:
    """No-op jobs with results kept, by one worker process in burst; its start and end are taken off."""
    idle = worker_process.burst(concurrency)
    fill(number, task)
    cost = worker_process.burst(concurrency).less(idle)
    left = app.queue_size_sync()
    if left:
        raise RuntimeError(f"{left} jobs are left")
    return {"jobs/s": number / cost.wall_s, "worker CPU µs/job": cost.cpu_s / number * 1e6}


def bulk_enqueue(number: int) -> Figures:
    """`prepare` and `enqueue_many` together, from an event loop."""

    async def run() -> float:
        await app.enqueue_many([nothing.prepare(0, TEXT)])
        began = time.perf_counter()
        await app.enqueue_many(nothing.prepare(place, TEXT) for place in range(number))
        return time.perf_counter() - began

    return {"jobs/s": number / _on_a_loop(run)}


def one_by_one(number: int) -> Figures:
    """`await task.enqueue(...)`, each after the other."""

    async def run() -> float:
        began = time.perf_counter()
        for place in range(number):
            await nothing.enqueue(place, TEXT)
        return time.perf_counter() - began

    return {"jobs/s": number / _on_a_loop(run)}


def one_by_one_sync(number: int) -> Figures:
    """`task.enqueue_sync(...)`, each after the other."""
    began = time.perf_counter()
    for place in range(number):
        nothing.enqueue_sync(place, TEXT)
    return {"jobs/s": number / (time.perf_counter() - began)}


def idle_latency(number: int) -> Figures:
    """From before `await enqueue` to the first line of the body, with a worker that has nothing else to do."""
    worker = worker_process.serve(16)
    try:

        async def run() -> list[float]:
            await (await started_at.enqueue()).result(60)
            return [await _one_latency() for _ in range(number)]

        waits = _on_a_loop(run)
    finally:
        worker.terminate()
        worker.wait()
    cuts = statistics.quantiles(waits, n=100)
    return {"median ms": statistics.median(waits), "p99 ms": cuts[98]}


async def _one_latency() -> float:
    await asyncio.sleep(0.02)
    began = time.perf_counter_ns()
    job: Job[int] = await started_at.enqueue()
    result = await job.result(60)
    assert result is not None
    return float(result.value - began) / 1e6


def _on_a_loop(run: Callable[[], object]) -> object:
    async def main() -> object:
        try:
            return await run()  # type: ignore[misc]
        finally:
            await app.broker.close()

    return asyncio.run(main())


def sync_dispatch(number: int, concurrency: int) -> Figures:
    """The same no-op in sync functions, which run in the worker's threads."""
    return dispatch(number, concurrency, nothing_sync)
