"""How fast a project's own brokers take jobs and its worker runs them, measured in queues that are thrown away."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ardiq_django.ardiq import Ardiq
from ardiq_django.exceptions import BrokerError
from ardiq_django.handles import Task
from ardiq_django.operating.console import Console
from ardiq_django.operating.reach import reached
from ardiq_django.operating.report import Report
from ardiq_django.operating.sheet import Column, Sheet, number_of
from ardiq_django.operating.throwaway import throwaway

TASK = "ardiq.bench"
WORDS = "some words to carry"
SINGLY = 10  # one by one goes a tenth of the jobs
AT_ONCE = 10_000  # jobs of one bulk
TELL_EVERY = 100  # jobs
TELL_EVERY_S = 0.2

LoopFactory = Callable[[], asyncio.AbstractEventLoop] | None


@dataclass(frozen=True, slots=True)
class Measure:
    """So many jobs, and how long it took."""

    what: str
    jobs: int
    seconds: float

    @property
    def per_second(self) -> float:
        return self.jobs / self.seconds

    def document(self) -> dict[str, Any]:
        told = {"jobs": self.jobs, "seconds": round(self.seconds, 6), "jobs_per_s": round(self.per_second, 1)}
        return {"measure": self.what, **told}


@dataclass(frozen=True, slots=True)
class QueueBench:
    """What was measured beside one queue."""

    queue: str
    address: str
    slots: int
    measures: Sequence[Measure]

    def document(self) -> dict[str, Any]:
        measures = [measure.document() for measure in self.measures]
        return {"queue": self.queue, "broker": self.address, "slots": self.slots, "measures": measures}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        yield f"{self.queue}  {self.address}  {number_of(self.slots, 'slot')}"
        columns = [
            Column("", [measure.what for measure in self.measures]),
            Column("jobs", [f"{measure.jobs:,}" for measure in self.measures], is_right=True),
            Column("jobs/s", [f"{measure.per_second:,.0f}" for measure in self.measures], is_right=True),
            Column("µs each", [f"{1e6 / measure.per_second:,.0f}" for measure in self.measures], is_right=True),
        ]
        yield from (f"  {line}" for line in sheet.table(columns))


class Bench(Report):
    """What was measured."""

    def __init__(self, queues: Sequence[QueueBench]) -> None:
        self.queues = queues

    def document(self) -> dict[str, Any]:
        return {"queues": [one.document() for one in self.queues]}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        for place, one in enumerate(self.queues):
            if place:
                yield ""
            yield from one.lines(sheet)


def bench(names: Sequence[str], number: int, console: Console, loop_factory: LoopFactory) -> Bench:
    """Measure the brokers of these queues, or of all declared ones. No job or worker of theirs is touched.

    Raises `BrokerError` where one does not answer."""
    with quiet():
        try:
            return Bench([_measured(app, number, console, loop_factory) for app in reached(names)])
        finally:
            console.clear()


@contextmanager
def quiet() -> Iterator[None]:
    """Let no line be logged for each job, however loud the project's settings are."""
    logger = logging.getLogger("ardiq")
    level = logger.level
    logger.setLevel(max(logger.getEffectiveLevel(), logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(level)


def _measured(app: Ardiq, number: int, console: Console, loop_factory: LoopFactory) -> QueueBench:
    with throwaway(app) as own:
        work = Work()
        task = own.task(name=TASK, max_retries=0)(work.body)
        singly = max(1, number // SINGLY)
        measures = [_one_by_one(task, singly, console)]
        # on a loop of ours an interrupt ends what is under way, so that nothing is stored after the queue's removal
        with asyncio.Runner(loop_factory=loop_factory) as runner:
            measures.append(runner.run(_in_bulk(task, number, console)))
            measures.append(runner.run(_run(own, work, singly + number, console)))
        return QueueBench(app.queue_name, app.broker.shown_address, own.options.concurrency, measures)


def _one_by_one(task: Task[[int, str], Any], number: int, console: Console) -> Measure:
    began_s = time.perf_counter()
    for place in range(number):
        task.enqueue_sync(place, WORDS)
        if place % TELL_EVERY == 0:
            console.progress("enqueueing one by one", place, number)
    return Measure("enqueue one by one", number, time.perf_counter() - began_s)


async def _in_bulk(task: Task[[int, str], Any], number: int, console: Console) -> Measure:
    began_s = time.perf_counter()
    for first in range(0, number, AT_ONCE):
        console.progress("enqueueing in bulk", first, number)
        places = range(first, min(first + AT_ONCE, number))
        await task.app.enqueue_many(task.prepare(place, WORDS) for place in places)
    return Measure("enqueue in bulk", number, time.perf_counter() - began_s)


class Work:
    """The job that does nothing, and what is known of its runs."""

    def __init__(self) -> None:
        self.done = 0
        self._began_s = self._ended_s = 0.0

    async def body(self, place: int, words: str) -> None:
        self._ended_s = time.perf_counter()
        self._began_s = self._began_s or self._ended_s
        self.done += 1

    @property
    def seconds(self) -> float:
        """From the beginning of the first run to that of the last; the worker's own start and end lie outside."""
        return max(self._ended_s - self._began_s, 1e-6)


async def _run(own: Ardiq, work: Work, number: int, console: Console) -> Measure:
    telling = asyncio.create_task(_tell(work, number, console))
    try:
        await own.run()
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        await own.broker.close()
    if work.done < number:
        raise BrokerError(f"{own.broker.shown_address}: {number_of(number - work.done)} of {number:,} did not run")
    return Measure("run", work.done, work.seconds)


async def _tell(work: Work, number: int, console: Console) -> None:
    while True:
        console.progress("running", work.done, number)
        await asyncio.sleep(TELL_EVERY_S)
