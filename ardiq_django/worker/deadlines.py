"""Time limits of attempts: one sweep over a heap, instead of a timer for each job."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

from ardiq_django.worker.run import Run

FEW = 64


class Deadlines:
    """Calls `overdue(run)` once for each watched run whose time is over, unless it ended before."""

    def __init__(self, overdue: Callable[[Run], None], holds: Callable[[Run], bool]) -> None:
        self._overdue = overdue
        self._holds = holds
        self._heap: list[tuple[float, int, Run]] = []
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._too_many = FEW

    def __len__(self) -> int:
        """How many runs are watched, among them some that have ended."""
        return len(self._heap)

    def watch(self, run: Run, timeout_s: float) -> None:
        """Begin the time limit of a run."""
        if len(self._heap) >= self._too_many:
            self._forget_ended()
        loop = asyncio.get_running_loop()
        entry = (loop.time() + timeout_s, next(self._order), run)
        heapq.heappush(self._heap, entry)
        if self._heap[0] is entry:
            self._arm(loop)

    def _forget_ended(self) -> None:
        # quick jobs with a long limit would be kept in memory until it is over
        self._heap = [entry for entry in self._heap if self._holds(entry[2])]
        heapq.heapify(self._heap)
        self._too_many = max(FEW, 2 * len(self._heap))

    def close(self) -> None:
        """Watch nothing any more."""
        self._heap.clear()
        if self._timer:
            self._timer.cancel()

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = loop.call_at(self._heap[0][0], self._sweep, loop) if self._heap else None

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._heap and self._heap[0][0] <= loop.time() + 0.001:
            run = heapq.heappop(self._heap)[2]
            if self._holds(run):
                self._overdue(run)
        self._arm(loop)
