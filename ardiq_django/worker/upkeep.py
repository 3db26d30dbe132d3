"""A worker's periodic duties: beat, take back what dead workers held, sweep, stage cron."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ardiq_django.clock import now_ms
from ardiq_django.exceptions import BrokerError
from ardiq_django.registry import CronDefinition
from ardiq_django.schedule import MISSED_AFTER_MS, due_fires
from ardiq_django.stamping import stamped, stamps
from ardiq_django.surroundings import around
from ardiq_django.wire import FORMAT, Occurrence, StagedJob
from ardiq_django.worker.clock import BrokerClock
from ardiq_django.worker.report import Report
from ardiq_django.worker.timekeeper import Timekeeper

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

FIRST_WAIT_S = 0.05
LONGEST_WAIT_S = 3.0
REAP_EVERY_S = 4.0
SWEEP_EVERY_S = 5.0
CANCEL_AGAIN_S = 0.1


class Patience:
    """Waits between tries against a broker that cannot be reached: growing, jittered, and told to the log."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._wait_s = 0.0
        self.last_trouble = -1e9  # by time.monotonic()

    @property
    def is_tried(self) -> bool:
        """Whether the last call found no broker."""
        return self._wait_s > 0

    async def endure(self, error: BrokerError) -> None:
        """Sleep before the next try."""
        self.note_trouble()
        self._wait_s = min(LONGEST_WAIT_S, random.uniform(FIRST_WAIT_S, max(FIRST_WAIT_S, self._wait_s * 3)))  # noqa: S311
        self._report.broker_trouble(error, self._wait_s)
        await asyncio.sleep(self._wait_s)

    def note_trouble(self) -> None:
        """The broker did not answer, or not in time."""
        self.last_trouble = time.monotonic()

    def relax(self) -> None:
        """The broker answered."""
        if self._wait_s:
            self._wait_s = 0.0
            self.note_trouble()
            self._report.broker_back()


async def every(interval_s: float, tick: Callable[[], Awaitable[object]], report: Report) -> None:
    """Call `tick` for ever, `interval_s` apart, jittered by a tenth; it survives every error."""
    while True:
        await asyncio.sleep(interval_s * random.uniform(0.9, 1.0))  # noqa: S311
        try:
            await tick()
        except BrokerError:
            continue  # the pump meets the same trouble and reports it
        except Exception as error:
            report.duty_failed(getattr(tick, "__name__", "duty"), error)


async def keep_on(step: Callable[[], Awaitable[object]], report: Report) -> None:
    """Call `step`, which waits by itself, again and again; it survives every error."""
    pause_s = FIRST_WAIT_S
    while True:
        try:
            await step()
            pause_s = FIRST_WAIT_S
            continue
        except BrokerError:
            pass  # the pump meets the same trouble and reports it
        except Exception as error:
            report.duty_failed(getattr(step, "__name__", "duty"), error)
        await asyncio.sleep(pause_s)
        pause_s = min(LONGEST_WAIT_S, pause_s * 2)


class Upkeep:
    """The duties any worker does for its whole queue."""

    def __init__(self, app: "Ardiq", report: Report, patience: Patience, clock: BrokerClock) -> None:
        self._app = app
        self._report = report
        self._patience = patience
        self._clock = clock
        self._began = time.monotonic()

    def duties(self) -> list[Coroutine[Any, Any, None]]:
        """The coroutines to run beside the worker's own."""
        options, report = self._app.options, self._report
        duties = [
            every(min(REAP_EVERY_S, options.idle_timeout_ms / 3000), self.reap, report),
            every(SWEEP_EVERY_S, self._app.broker.sweep, report),
            every(SWEEP_EVERY_S, around().look_after_store, report),
        ]
        if not options.burst:
            duties.append(every(options.cron_poll_s, Timekeeper(self._app, report).fire, report))
        if self._app.registry.crons and not options.burst:
            duties.append(every(options.cron_poll_s, self.stage, report))
        return duties

    async def reap(self) -> None:
        """Take back what dead workers held, but not in the first third of a lease after we began, the broker was away
        or its clock leapt: neither an outage nor a suspend must cost every living worker its jobs."""
        if await self._is_steady() and (taken := await self._app.broker.reap()):
            self._report.reaped(taken)

    async def _is_steady(self) -> bool:
        third_s = self._app.options.idle_timeout_ms / 3000
        try:
            took_s = await self._clock.read()
        except BrokerError:
            self._patience.note_trouble()
            raise
        # a broker that was frozen answers late, and others' beats may still be on their way to it
        if max(took_s, self._clock.leapt_s) > third_s / 2:
            self._patience.note_trouble()
        return time.monotonic() - max(self._began, self._patience.last_trouble) >= third_s

    async def stage(self) -> None:
        """Enqueue the fire times that have come since each schedule's watermark."""
        crons = self._app.registry.crons
        marks = await self._app.broker.watermarks(list(crons))
        now = await self._app.broker.now_ms()
        due = [
            self._occurrence(cron, fire) for name, cron in crons.items() for fire in self._fires(cron, marks[name], now)
        ]
        if due:
            await self._app.broker.stage(await self._stamped(due) if stamps(self._app) else due)

    async def _stamped(self, due: Sequence[Occurrence]) -> list[Occurrence]:
        """With what the app adds to its jobs. Where that fails, this schedule waits for the next look, and no other."""
        kept: list[Occurrence] = []
        waiting: set[str] = set()
        for one in due:
            try:
                if one.schedule not in waiting:
                    kept.append(replace(one, job=(await stamped(self._app, [one.job]))[0]))
            except Exception as error:
                waiting.add(one.schedule)
                self._report.duty_failed(f"on_enqueue of schedule {one.schedule}", error)
        return kept

    def _fires(self, cron: CronDefinition, mark_ms: int, now: int) -> list[int]:
        return due_fires(cron.table, mark_ms, now, cron.misfire, MISSED_AFTER_MS)

    def _occurrence(self, cron: CronDefinition, fire_ms: int) -> Occurrence:
        task, options = cron.task, self._app.options
        job = StagedJob(
            FORMAT,
            f"cron:{task.name}:{fire_ms}",
            task.name,
            task.options.priority or options.lane,
            self._app.encode([[], {}]),
            now_ms(),
            labels=dict(task.options.labels),
            expire_ms=task.options.expire_ms,
        )
        return Occurrence(task.name, fire_ms, job, cron.coalesce)


async def cancel_and_wait(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel tasks of ours until they are gone: before Python 3.12 a `wait_for` may swallow a cancel."""
    left = list(tasks)
    while left:
        for task in left:
            task.cancel()
        await asyncio.wait(left, timeout=CANCEL_AGAIN_S)
        left = [task for task in left if not task.done()]
