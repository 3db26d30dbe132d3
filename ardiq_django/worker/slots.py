"""The places of a worker where jobs run: each has one thread of its own, started when something first needs it."""

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any, TypeVar

from ardiq_django.bridge import promised
from ardiq_django.surroundings import Slot, around
from ardiq_django.worker.bodies.pool import ProcessPool
from ardiq_django.worker.pulse import Pulse

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
        future, work = promised(lambda: fn(*args, **kwargs))
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


class MainThread(SlotThread):
    """The thread this is made in, which works for its slot while it waits for something."""

    def post(self, work: Callable[[], object]) -> None:
        self.calls += 1
        self._work.put(work)

    def wait_for(self, future: "Future[T]") -> T:
        """The result of a future that is fulfilled elsewhere."""
        future.add_done_callback(lambda _: self._work.put(None))
        self._serve()
        return future.result()


class WorkerSlot:
    """One slot: its thread, and the framework's unit of work around what runs in it."""

    __slots__ = ("thread", "unit")

    def __init__(self, number: int, thread: SlotThread | None = None) -> None:
        self.thread = thread or SlotThread(f"ardiq-slot-{number}")
        self.unit: Slot = around().slot(self.thread)

    def close(self, wait: bool) -> None:
        """Let go of the thread and its connections, once it has done what it has to do."""
        self.unit.close()
        self.thread.shutdown(wait)


class Slots:
    """The slots of a process, which its queues share. The one freed last is taken first, so that few threads and
    connections serve a light load. Used on one event loop."""

    def __init__(self, number: int, max_jobs: int | None = None) -> None:
        self.taken = 0  # jobs that have begun
        self.asked_for = asyncio.Event()  # a worker has come so far as to serve, broker or no broker
        self.processes = ProcessPool()
        self.pulse = Pulse()
        self._max_jobs = max_jobs
        self._all = [WorkerSlot(place) for place in range(number, 0, -1)]
        self._free = list(self._all)
        self._promised = 0
        self._shares: list[Share] = []
        self._wanting: dict[Share, None] = {}  # who waits longest comes first

    def __len__(self) -> int:
        return len(self._all)

    def share(self, most: int, freed: Callable[[], None]) -> "Share":
        """One queue's part: never more than `most` at once. `freed` is called when it wanted some, and one is free."""
        share = Share(self, min(most, len(self)), freed)
        self._shares.append(share)
        return share

    @property
    def is_shared(self) -> bool:
        """Whether several queues take from these."""
        return len(self._shares) > 1

    @property
    def all_have_begun(self) -> bool:
        """Whether each of these queues has come so far as to serve: what is slow to begin does not hang."""
        return all(share.has_begun for share in self._shares)

    def promise(self, share: "Share", asked: int) -> int:
        """So many that this share may take, `asked` at most. What others that want some lack to their fair part is left
        to them, and all of it to those that have waited longer."""
        waiting = list(self._wanting)
        ahead = waiting[: waiting.index(share)] if share in self._wanting else waiting
        fair = max(1, len(self) // len({share, *waiting}))
        available = min(len(self._free) - self._promised, self._jobs_left)
        fairly = max(fair - share.used, available - self._lacking(share, waiting, fair))
        number = max(0, min(asked, fairly, available - self._lacking(share, ahead, fair)))
        self._promised += number
        if number:
            self._wanting.pop(share, None)
            self._tell()  # what was left to this one may now be had
        if number < asked:
            self._wanting.setdefault(share)
        return number

    def _lacking(self, share: "Share", others: Iterable["Share"], fair: int) -> int:
        return sum(max(0, min(fair, other.most) - other.used) for other in others if other is not share)

    @property
    def _jobs_left(self) -> int:
        return len(self) if self._max_jobs is None else self._max_jobs - self.taken - self._promised

    def keep(self, share: "Share", number: int) -> None:
        """Take back what was promised and not taken: its queue has found less than it wanted."""
        self._promised -= number
        self._wanting.pop(share, None)
        self._tell()

    def want(self, share: "Share") -> None:
        """This queue found all that was promised to it, so there may be more: its fair part is to be left to it."""
        self._wanting.setdefault(share)

    def take(self) -> WorkerSlot:
        """A slot that was promised."""
        self._promised -= 1
        self.taken += 1
        return self._free.pop()

    def give(self, slot: WorkerSlot) -> None:
        """A slot is free again."""
        self._free.append(slot)
        self._tell()

    def look_after(self) -> None:
        """Let those that are free let go of what they kept too long."""
        for slot in self._free:
            slot.unit.look_after()

    def _tell(self) -> None:
        if not self.is_shared:
            return  # a worker looks again after each of its own jobs anyway
        for share in self._wanting:
            if share.has_room:
                share.freed()

    def leave(self, share: "Share") -> None:
        """A queue needs none any more; when none does, they are closed. A busy one ends with its job."""
        self._shares.remove(share)
        self._wanting.pop(share, None)
        if not self._shares:
            for slot in self._all:
                slot.close(wait=slot in self._free)

    async def close_processes(self) -> None:
        """When no queue needs any: end the processes that ran bodies."""
        if not self._shares:
            await self.processes.close()


class Share:
    """What one queue has of the slots of its process."""

    def __init__(self, slots: Slots, most: int, freed: Callable[[], None]) -> None:
        self._slots = slots
        self.most = most
        self.freed = freed
        self.used = 0  # promised and taken
        self.has_begun = False

    @property
    def is_shared(self) -> bool:
        return self._slots.is_shared

    @property
    def has_room(self) -> bool:
        """Whether it may use more than it does."""
        return self.used < self.most

    def reserve(self, asked: int | None = None) -> int:
        """As many slots as may be had now; `asked`, or the whole share at most."""
        room = self.most - self.used
        number = self._slots.promise(self, room if asked is None else min(room, asked)) if room else 0
        self.used += number
        return number

    def keep(self, number: int) -> None:
        """Give back a reservation of which nothing came."""
        self.used -= number
        if number:
            self._slots.keep(self, number)

    def begin(self) -> None:
        """The worker is about to take jobs."""
        self.has_begun = True
        self._slots.asked_for.set()

    def want(self) -> None:
        """There may be more in the queue than its reservation was for."""
        self._slots.want(self)

    def rest(self) -> None:
        """It waits for none: its fair part need not be left to it."""
        self._slots.keep(self, 0)

    def take(self) -> WorkerSlot:
        """A reserved slot."""
        return self._slots.take()

    def give(self, slot: WorkerSlot) -> None:
        """The job in it has ended."""
        self.used -= 1
        self._slots.give(slot)

    @property
    def processes(self) -> ProcessPool:
        return self._slots.processes

    @property
    def pulse(self) -> Pulse:
        return self._slots.pulse

    async def leave(self) -> None:
        """The queue needs none any more."""
        self._slots.leave(self)
        await self._slots.close_processes()
