"""A worker's part in the schedules that are kept in the broker: it lets fire what has come due."""

from dataclasses import replace
from typing import TYPE_CHECKING

from ardiq_django.plan import Planned
from ardiq_django.stamping import stamped, stamps
from ardiq_django.wire import Firing
from ardiq_django.worker.report import Report

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

AT_ONCE = 200  # schedules, and about as many jobs
STEPS = 25  # of a tick; other duties, and other workers, have their turn
AGAIN_AFTER_MS = 60_000  # one that cannot be worked out here, for lack of its time zone or so


class Timekeeper:
    """Any worker does this for its whole queue, also for tasks that it does not know: their jobs wait for one that
    does. The broker lets each fire time through once, so nobody needs to be the only one."""

    def __init__(self, app: "Ardiq", report: Report) -> None:
        self._app = app
        self._report = report

    async def fire(self) -> None:
        """Enqueue what is due, in bounded steps; what is left then waits for the next tick."""
        schedules = self._app.broker.schedules
        for _ in range(STEPS):
            rows = await schedules.due(AT_ONCE)
            if not rows:
                return
            now, share = await self._app.broker.now_ms(), max(1, AT_ONCE // len(rows))
            fired = await schedules.fire([await self._firing(row, now, share) for row in rows])
            if not any(fired):  # another worker is at it
                return

    async def _firing(self, row: Planned, now_ms: int, most: int) -> Firing:
        try:
            firing = row.firing(now_ms, most)
            return replace(firing, jobs=await stamped(self._app, firing.jobs)) if stamps(self._app) else firing
        except Exception as error:  # of one schedule: the others fire all the same
            self._report.duty_failed(f"schedule {row.plan.id}", error)
            return row.postponed(now_ms + AGAIN_AFTER_MS)
