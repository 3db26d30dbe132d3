"""What ends a worker process whose event loop stands still, before others may take its jobs."""

import faulthandler
import os
import time
from collections.abc import Callable, Sequence

from ardiq_django.ardiq import Ardiq

PATIENCE, LAST = 2 / 3, 10  # of a lease
LEAST_S = 2.0  # a machine may be busy
LOOKS = 16  # until patience is over
STDERR = 2


def patience_s(apps: Sequence[Ardiq]) -> float:
    """How long a process that serves these may show no life: two thirds of the shortest lease, since one that shows
    life has renewed it a fifth ago at the most."""
    return max(LEAST_S, PATIENCE * min(app.options.idle_timeout_ms for app in apps) / 1000)


class Vigil:
    """How long a process has shown no life, as far as one saw who was awake himself: time in which nobody looked
    counts as one look, since whoever was stopped along with it, or had no turn either, knows nothing."""

    def __init__(self, patience_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.patience_s = patience_s
        self.every_s = patience_s / LOOKS
        self.still_s = 0.0
        self._sign: object = None
        self._clock = clock
        self._looked_s = clock()

    def is_over(self, sign: object) -> bool:
        """To be asked every `every_s` or more often. A sign that changes shows life; None tells that none is to be
        expected, yet or any longer."""
        now = self._clock()
        passed_s, self._looked_s = min(2 * self.every_s, now - self._looked_s), now
        self.still_s = self.still_s + passed_s if sign is not None and sign == self._sign else 0.0
        self._sign = sign
        return self.still_s >= self.patience_s


class Watchdog:
    """In the process itself: where it is not fed any more, the stacks of all threads go to stderr, and unless it only
    `barks`, the process ends with exit code 1.

    A thread sees to that in time. Where C code holds the interpreter's lock, that thread stands still, too; then the
    stacks are told by code in C, after `last_s`, which also ends the process if nobody else would (`bites`). It cannot
    tell a process that hangs from one that was stopped as a whole, or had no turn, and so it bites late.
    """

    def __init__(self, patience_s: float, last_s: float, *, bites: bool, barks: bool = False) -> None:
        self._vigil = Vigil(patience_s)
        self._last_s = last_s
        self._bites = bites and not barks
        self._barks = barks
        self._feeds = 0

    @classmethod
    def of(cls, apps: Sequence[Ardiq], *, is_supervised: bool, barks: bool) -> "Watchdog":
        """For the process that serves these."""
        patience = patience_s(apps)
        last_s = patience if is_supervised else patience * LAST / PATIENCE
        return cls(patience, last_s, bites=not is_supervised, barks=barks)

    def feed(self) -> None:
        """Life was shown, in whatever thread."""
        self._feeds += 1
        faulthandler.dump_traceback_later(self._last_s, exit=self._bites, file=STDERR)

    def look(self) -> None:
        """Be awake, in a thread that goes on where the event loop does not."""
        if self._vigil.is_over(self._feeds or None) and not self._barks:
            words = f"worker process {os.getpid()} ends: its event loop has stood still for {self._vigil.still_s:.1f} s"
            os.write(STDERR, f"{words}\n".encode())  # who hangs may hold the lock of a log
            faulthandler.dump_traceback(STDERR)
            os._exit(1)

    def leave(self) -> None:
        """Watch no more."""
        self._feeds = 0
        faulthandler.cancel_dump_traceback_later()
