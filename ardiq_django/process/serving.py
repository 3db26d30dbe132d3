"""One process that serves queues: a worker each, side by side on the slots of the process, until told to stop."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ardiq_django.ardiq import Ardiq
from ardiq_django.hygiene import TidyExecutor
from ardiq_django.line import logger_of
from ardiq_django.process.health import Health, answering, write
from ardiq_django.process.leash import Leash
from ardiq_django.process.limits import Limits, Measure
from ardiq_django.process.watchdog import Watchdog
from ardiq_django.worker.slots import Slots

logger = logger_of("ardiq.worker")
WATCH_EVERY_S = 0.5
HEALTH_EVERY_S = 1.0
SIGNS = 24  # of life, to a lease
LOOK_AFTER_SLOTS_EVERY_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a process serves. `concurrency` is the number of its slots over all queues; None for the most that any of
    them allows itself. The health is told on a port, in a file, both or neither."""

    concurrency: int | None = None
    limits: Limits = field(default_factory=Limits)
    health_port: int | None = None
    health_file: Path | None = None


class Serving:
    """The workers of several apps in one process. The first SIGTERM or SIGINT lets running jobs finish, the second
    hands them back at once. Whoever is supervised stops as by a signal when the supervisor is no more."""

    def __init__(
        self, apps: Sequence[Ardiq], terms: Terms, leash: Leash | None = None, watchdog: Watchdog | None = None
    ) -> None:
        self._apps = apps
        self._watchdog = watchdog
        self._leash = leash
        self._terms = terms
        number = terms.concurrency or max(app.options.concurrency for app in apps)
        self._slots = Slots(number, terms.limits.max_jobs)
        self._slots.pulse.kept = self._show_life
        if watchdog:
            self._slots.pulse.looked = watchdog.look
        self._measure = Measure(terms.limits)
        self._health = Health()
        self._asked = 0  # to stop, so often

    async def run(self) -> None:
        """Serve until stopped, until a limit is reached, or in burst until nothing is left."""
        loop = asyncio.get_running_loop()
        loop.set_default_executor(TidyExecutor())
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        if self._leash:
            self._leash.watch(loop, self.stop)
        with answering(self._terms.health_port, self._health.ask):
            work = (self._watch_limits(), self._tell_health(), self._look_after_slots())
            duties = [loop.create_task(duty) for duty in work]
            try:
                await asyncio.gather(*(app.run(self._slots) for app in self._apps))
            finally:
                for duty in duties:
                    duty.cancel()
                await asyncio.gather(*duties, return_exceptions=True)
                if self._watchdog:
                    self._watchdog.leave()
                if self._terms.health_file:
                    self._terms.health_file.unlink(missing_ok=True)

    @property
    def was_told_to_stop(self) -> bool:
        """Whether a signal came."""
        return self._asked > 0

    def stop(self) -> None:
        """Stop claiming and let running jobs finish; asked a second time, hand them back."""
        self._asked += 1
        self._stop(now=self._asked > 1)

    def changed(self, path: Path) -> None:
        """The code has changed: make way for the new, from any thread. What runs has its time to finish."""
        logger.info("code has changed, worker begins anew: %s", path)
        self._stop()

    def _stop(self, now: bool = False) -> None:
        for app in self._apps:
            app.stop(now)

    async def _watch_limits(self) -> None:
        while True:
            await asyncio.sleep(WATCH_EVERY_S)
            if excess := self._measure.excess(self._slots.taken):
                logger.info("process has done enough: %s", excess)
                return self._stop()

    async def _tell_health(self) -> None:
        self._health.tell({app.queue_name: False for app in self._apps})
        # by the file a supervisor knows a process that began to serve; one whose lifespan fails never did
        await self._slots.asked_for.wait()
        every_s = min(HEALTH_EVERY_S, *(app.options.idle_timeout_ms / 1000 / SIGNS for app in self._apps))
        while True:
            told = self._health.tell({app.queue_name: app.is_well for app in self._apps})
            if self._terms.health_file:
                write(self._terms.health_file, {**told, "watched": self._slots.all_have_begun})
            if self._watchdog and self._slots.all_have_begun:
                self._watchdog.feed()
            await asyncio.sleep(every_s)

    def _show_life(self) -> None:
        """In the thread of the pulse: the event loop stands still, and the lease lasts from now on."""
        if self._watchdog and self._slots.all_have_begun:
            self._watchdog.feed()
        if self._terms.health_file:
            with contextlib.suppress(OSError):
                os.utime(self._terms.health_file)

    async def _look_after_slots(self) -> None:
        while True:
            await asyncio.sleep(LOOK_AFTER_SLOTS_EVERY_S)
            self._slots.look_after()
