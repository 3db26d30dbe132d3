"""The places of a worker where jobs run: each has one thread of its own, started when something first needs it."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, TypeVar

from ardiq_django.surroundings import Slot, around

T = TypeVar("T")


class SlotThread(Executor):
    """One long-lived thread: sync jobs and the ORM calls of async jobs in the slot share it and its connections."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._work: SimpleQueue[Callable[[], object] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self.calls = 0

    def post(self, work: Callable[[], object]) -> None:
        """Run `work` on the thread; it must not raise."""
        self.calls += 1
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        self._work.put(work)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """As any executor's."""
        future: Future[T] = Future()

        def work() -> None:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(fn(*args, **kwargs))
                except BaseException as error:
                    future.set_exception(error)

        self.post(work)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let the thread end after what it still has to do; a busy one is not waited for longer than a second."""
        if self._thread is not None:
            self._work.put(None)
            if wait:
                self._thread.join(1)

    def _serve(self) -> None:
        while (work := self._work.get()) is not None:
            work()


class WorkerSlot:
    """One slot: its thread, and the framework's unit of work around what runs in it."""

    __slots__ = ("thread", "unit")

    def __init__(self, number: int) -> None:
        self.thread = SlotThread(f"ardiq-slot-{number}")
        self.unit: Slot = around().slot(self.thread)

    def close(self, wait: bool) -> None:
        """Let go of the thread and its connections, once it has done what it has to do."""
        self.unit.close()
        self.thread.shutdown(wait)


class Slots:
    """A pool of slots. The slot freed last is taken first, so that few threads and connections serve a light load."""

    def __init__(self, number: int) -> None:
        self._all = [WorkerSlot(place) for place in range(number, 0, -1)]
        self._free = list(self._all)

    @property
    def free(self) -> int:
        return len(self._free)

    def take(self) -> WorkerSlot:
        return self._free.pop()

    def give(self, slot: WorkerSlot) -> None:
        self._free.append(slot)

    def close(self) -> None:
        """Close them all; a busy one is not waited for and ends with its job."""
        for slot in self._all:
            slot.close(wait=slot in self._free)
