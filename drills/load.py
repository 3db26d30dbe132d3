"""A steady producer, and what became of all it enqueued."""

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connections

from ardiq_django import Job, app
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot
from drills.patience import TookTooLong, until

Make = Callable[[random.Random], Job[Any]]


class Load:
    """Enqueues a job of one kind or another, so many a second; `accepted` are those whose enqueue returned."""

    def __init__(self, kinds: Sequence[Make], rate: float, seed: int = 1) -> None:
        self.accepted: list[Job[Any]] = []
        self.error: Exception | None = None
        self._kinds = kinds
        self._rate = rate
        self._chance = random.Random(seed)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._produce, name="drill-load")

    @contextmanager
    def steady(self) -> Iterator[None]:
        """Produce for the length of the block; raises what went wrong."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()
        if self.error:
            raise self.error

    def _produce(self) -> None:
        next_s = time.monotonic()
        try:
            while not self._over.wait(max(0.0, next_s - time.monotonic())):
                make = self._kinds[len(self.accepted) % len(self._kinds)]
                self.accepted.append(make(self._chance))
                next_s += 1 / self._rate
        except Exception as error:
            self.error = error
        finally:
            connections.close_all()


def snapshots(jobs: Sequence[Job[Any]]) -> list[Snapshot | None]:
    """What the broker knows of each."""
    return [app.broker.run_sync(app.broker.get(job.id)) for job in jobs]


def until_all_have_ended(patience_s: float) -> None:
    """Return once nothing waits or runs; after so long the counts are to tell what does."""

    def is_over() -> bool:
        counts = app.broker.run_sync(app.broker.counts())
        return not any(number for state, number in counts.items() if not state.ended)

    with contextlib.suppress(TookTooLong):
        until(is_over, "all jobs have ended", patience_s, look_every_s=0.25)


def ends(found: Sequence[Snapshot | None]) -> Counter[str]:
    """How many jobs are in which state; "lost" are those of which the broker knows nothing."""
    return Counter("lost" if one is None else str(one.state) for one in found)


def crashes(snapshot: Snapshot | None) -> int:
    """How often this job's worker was lost under it."""
    return sum(attempt.event == "crashed" for attempt in snapshot.attempts) if snapshot else 0


SUCCEEDED = str(State.SUCCEEDED)
