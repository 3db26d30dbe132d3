"""When to look again: a cheap look now and then for what other processes wrote, the bell for what this one did."""

import random
import time
from collections.abc import Iterator

from django.db import connections

from ardiq_django.brokers.database.tables import Tables
from ardiq_django.models.dialects import dialect

LATELY_S = 1.0
SQLITE_BUSY_S = 0.002
SQLITE_IDLE_S = (0.02, 0.05)
SHORTEST_S, LONGEST_S = 0.02, 0.5
LISTEN_S = (0.05, 0.1)
END_S = (0.005, 0.25)


class Pace:
    """How long to sleep between two looks for work: shortly after there was some, and longer the longer it is ago.

    A look costs SQLite a few microseconds, any other database a round trip."""

    def __init__(self, vendor: str) -> None:
        self._is_sqlite = vendor == "sqlite"
        self._worked = time.monotonic()

    def worked(self) -> None:
        """There was work just now."""
        self._worked = time.monotonic()

    def pauses(self) -> Iterator[float]:
        while True:
            yield self._pause_s(time.monotonic() - self._worked)

    def _pause_s(self, idle_s: float) -> float:
        if not self._is_sqlite:
            return min(LONGEST_S, max(SHORTEST_S, idle_s / 4)) * random.uniform(0.8, 1.0)  # noqa: S311
        return SQLITE_BUSY_S if idle_s < LATELY_S else random.uniform(*SQLITE_IDLE_S)  # noqa: S311


def listening() -> Iterator[float]:
    """The pauses between two looks into a worker's mail."""
    while True:
        yield random.uniform(*LISTEN_S)  # noqa: S311


def awaiting_end() -> Iterator[float]:
    """The pauses between two looks for the end of a job: doubling."""
    pause_s, longest_s = END_S
    while True:
        yield pause_s * random.uniform(0.8, 1.0)  # noqa: S311
        pause_s = min(longest_s, pause_s * 2)


class Glance:
    """Looks for work for one worker; on SQLite only when somebody wrote anything at all, which is cheaper to ask."""

    def __init__(self, tables: Tables, epoch: str) -> None:
        self._tables = tables
        self._epoch = epoch
        self._version = -1
        self._due_ms: int | None = None

    def look(self, rung: bool) -> bool | None:
        """True if the worker may find something to claim, else None; `rung` if this very process may have written."""
        differs = self._may_differ()
        return True if (rung or differs) and self._is_ready() else None

    def _may_differ(self) -> bool:
        connection = connections[self._tables.alias]
        if connection.vendor != "sqlite":
            return True
        before, ((self._version,),) = self._version, dialect(connection).rows("PRAGMA data_version", ())
        is_due = self._due_ms is not None and self._due_ms <= self._tables.now_ms
        return self._version != before or is_due

    def _is_ready(self) -> bool:
        peek = self._tables.workers.peek(self._tables.queue, self._epoch, self._tables.skew_ms)
        self._due_ms = None if peek.paused else peek.due_ms
        if peek.paused:
            return False
        is_due = peek.due_ms is not None and peek.due_ms <= peek.now_ms
        finds_others = peek.ready or is_due
        if not (peek.suspects or peek.is_chosen):
            return finds_others
        clearing = self._tables.clearing(self._epoch)
        return clearing.is_worth_a_turn(peek.draining, holds_any=peek.holds, finds_others=finds_others)
