"""Who enqueues through the storm: whatever was not answered is said again, the very same, until it is."""

import heapq
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from django.db import connections

from ardiq_django import Ardiq, BrokerError, app
from drills.storm import tasks
from drills.storm.orders import Order

T = TypeVar("T")
THREADS = 6
PAUSE_S = 0.2


@dataclass(frozen=True, slots=True)
class Accepted:
    """An enqueue that returned; `created` is what it said, `repeats` how often it had been said before."""

    order: Order
    at_s: float
    created: bool
    repeats: int


@dataclass(frozen=True, slots=True)
class Abort:
    """An abort that was answered: whether it found something to end."""

    order: Order
    at_s: float
    found: bool


class Producers:
    """Threads that share the orders, and one that aborts."""

    def __init__(self, orders: Sequence[Order]) -> None:
        self.accepted: list[Accepted] = []
        self.aborts: list[Abort] = []
        self.errors: list[Exception] = []
        self._orders = orders
        self._to_abort: queue.SimpleQueue[tuple[float, int, Order] | None] = queue.SimpleQueue()

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Make all calls at their times; returns when each is accepted. Raises what went wrong otherwise."""
        began_s = time.monotonic()
        aborter = self._started(self._abort_all)
        makers = [self._started(lambda part=part: self._make(began_s, part)) for part in range(THREADS)]  # type: ignore[misc]
        yield
        for maker in makers:
            maker.join()
        self._to_abort.put(None)
        aborter.join()
        if self.errors:
            raise ExceptionGroup("producers", self.errors)

    def _started(self, work: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                work()
            except Exception as error:
                self.errors.append(error)
            finally:
                connections.close_all()

        thread = threading.Thread(target=run, name="drill-producer", daemon=True)
        thread.start()
        return thread

    def _make(self, began_s: float, part: int) -> None:
        for number, order in enumerate(self._orders[part::THREADS]):
            time.sleep(max(0.0, began_s + order.at_s - time.monotonic()))
            target = _app_of(order)
            (job,), repeats = _until_answered(lambda: target.enqueue_many_sync([order.prepared]))  # noqa: B023
            now = time.monotonic()
            self.accepted.append(Accepted(order, now, bool(job.created), repeats))
            if order.abort_after_s is not None:
                self._to_abort.put((now + order.abort_after_s, number * THREADS + part, order))

    def _abort_all(self) -> None:
        waiting: list[tuple[float, int, Order]] = []
        is_over = False
        while waiting or not is_over:
            due_s = waiting[0][0] - time.monotonic() if waiting else None
            try:
                one = self._to_abort.get(timeout=due_s if due_s is None else max(0.0, due_s))
            except queue.Empty:
                self._abort(heapq.heappop(waiting)[2])
                continue
            if one is None:
                is_over = True
            else:
                heapq.heappush(waiting, one)

    def _abort(self, order: Order) -> None:
        found, _ = _until_answered(lambda: _app_of(order).job(order.job_id).abort_sync())
        self.aborts.append(Abort(order, time.monotonic(), found))


def _app_of(order: Order) -> Ardiq:
    return tasks.fragile if order.is_fragile else app


def _until_answered(verb: Callable[[], T]) -> tuple[T, int]:
    repeats = 0
    while True:
        try:
            return verb(), repeats
        except BrokerError:
            repeats += 1
            time.sleep(PAUSE_S)
