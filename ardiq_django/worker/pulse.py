"""The pulse of a process: where its event loop stands still, a thread keeps the leases, and not for ever."""

import asyncio
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ardiq_django import bridge
from ardiq_django.exceptions import BrokerError, LeaseLost
from ardiq_django.worker.lease import Lease
from ardiq_django.worker.report import Report

LONGEST_PERIOD_S = 1.0
PERIOD, STILL, TOO_LONG = 1 / 24, 1 / 6, 1 / 3  # of a lease
JOIN_S = 3.0


@dataclass(frozen=True, slots=True, eq=False)
class Charge:
    """What is kept for one worker: the lease that it holds just now."""

    lease_s: float
    lease: Callable[[], Lease]
    report: Report


class Pulse:
    """Belongs to one event loop, and to all workers there. While the loop ticks, this renews nothing and is connected
    to nothing.

    A loop that has stood still for a sixth of a lease has it renewed here until it has stood still for a third; then
    the stacks of all threads are logged, once, and the lease is left to itself. So a loop that stands still for less
    than a lease loses nothing by it, and one that never goes on loses its jobs to others. Code in C that holds the
    interpreter's lock stops this thread, too: then a lease lasts for four fifths of its time, since a loop that
    ticks renews it by each fifth.
    """

    def __init__(self) -> None:
        self.kept: Callable[[], None] = lambda: None  # called, in the thread, when it has renewed the shortest lease
        self.looked: Callable[[], None] = lambda: None  # called, in the thread, whenever it has looked at the loop
        self._charges: tuple[Charge, ...] = ()  # replaced, never changed: the thread reads it
        self._ticked_s = 0.0
        self._has_told = False
        self._timer: asyncio.TimerHandle | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()
        self._renewing = threading.Lock()

    def keep(self, charge: Charge) -> None:
        """From now on, see to this worker's lease."""
        self._charges = (*self._charges, charge)
        if self._thread is None:
            self._ticked_s, self._has_told, self._ended = time.monotonic(), False, threading.Event()
            self._tick()
            self._thread = threading.Thread(target=self._watch, args=(self._ended,), name="ardiq-pulse", daemon=True)
            self._thread.start()

    async def leave(self, charge: Charge) -> None:
        """No more; nothing of it is under way when this returns."""
        self._charges = tuple(one for one in self._charges if one is not charge)
        if not self._charges:
            self._thread = None
            self._ended.set()
            if self._timer:
                self._timer.cancel()
        if self._renewing.locked():
            await asyncio.to_thread(self._wait)

    def _wait(self) -> None:
        if self._renewing.acquire(timeout=JOIN_S):
            self._renewing.release()

    @property
    def _shortest(self) -> Charge | None:
        return min(self._charges, key=lambda charge: charge.lease_s, default=None)

    @property
    def _period_s(self) -> float:
        shortest = self._shortest
        return min(LONGEST_PERIOD_S, shortest.lease_s * PERIOD) if shortest else LONGEST_PERIOD_S

    def _tick(self) -> None:
        now, shortest = time.monotonic(), self._shortest
        still_s, self._ticked_s = now - self._ticked_s, now
        if shortest and still_s >= shortest.lease_s * TOO_LONG:
            shortest.report.goes_on(still_s)
            self._has_told = False
        self._timer = asyncio.get_running_loop().call_later(self._period_s, self._tick)

    def _watch(self, ended: threading.Event) -> None:
        asked_s = time.monotonic()
        while not ended.wait(self._period_s):
            slept_s = time.monotonic() - asked_s
            # who was stopped as a whole has to let the loop have its turn first
            if slept_s < 3 * self._period_s:
                self._look(time.monotonic() - self._ticked_s)
            asked_s = time.monotonic()

    def _look(self, still_s: float) -> None:
        with self._renewing:
            due = [one for one in self._charges if STILL <= still_s / one.lease_s < TOO_LONG]
            if due:
                self._renew(due)
        self._tell(still_s)
        self.looked()

    def _renew(self, due: Sequence[Charge]) -> None:
        ends = bridge.run(_renewed([charge.lease() for charge in due]))
        for charge, error in zip(due, ends, strict=True):
            if error is None and charge is self._shortest:
                self.kept()
            elif error is not None and not isinstance(error, BrokerError | LeaseLost):
                charge.report.duty_failed("pulse", error)

    def _tell(self, still_s: float) -> None:
        shortest = self._shortest
        if shortest and not self._has_told and still_s >= shortest.lease_s * TOO_LONG:
            self._has_told = True
            shortest.report.stands_still(still_s, stacks())


async def _renewed(leases: Sequence[Lease]) -> list[BaseException | None]:
    return await asyncio.gather(*(lease.renew() for lease in leases), return_exceptions=True)


def stacks() -> str:
    """Where every other thread is; the code alone, and no values."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    parts = []
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            parts.append(f"thread {names.get(ident, ident)}:\n" + "".join(traceback.format_stack(frame)))
    return "".join(parts).rstrip()
