"""The database broker's verbs: which of them runs in whose thread."""

import asyncio
import time
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from contextvars import ContextVar
from functools import partial
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from asgiref.sync import sync_to_async
from django.db import DEFAULT_DB_ALIAS, connections

from ardiq_django import bridge
from ardiq_django.brokers.base import Broker, QueueRules
from ardiq_django.brokers.bell import Bell
from ardiq_django.brokers.database import intake, leases, reading, statistics, waiting, wishes
from ardiq_django.brokers.database import turn as turns
from ardiq_django.brokers.database.completing import DatabaseCompletion
from ardiq_django.brokers.database.durability import durability
from ardiq_django.brokers.database.ends import Ends
from ardiq_django.brokers.database.guard import guarded
from ardiq_django.brokers.database.schedules import DatabaseSchedules
from ardiq_django.brokers.database.tables import Tables, rung_elsewhere
from ardiq_django.brokers.database.thread import OwnThread
from ardiq_django.brokers.database.upkeep import Sweep
from ardiq_django.brokers.database.waiting import Glance, Pace
from ardiq_django.brokers.durability import Durability
from ardiq_django.exceptions import ConfigError
from ardiq_django.models.dialects import check_vendor
from ardiq_django.results import State
from ardiq_django.snapshot import ERRORS_SCANNED, Errors, Page, Query, Ran, Snapshot, Totals, Vitals, WorkerRow
from ardiq_django.statistics import Figures, Point, Resolution
from ardiq_django.wire import (
    Acceptance,
    Amendment,
    Answer,
    Beat,
    Command,
    Exchange,
    News,
    Occurrence,
    StagedJob,
    Turn,
    WorkerCard,
)

T = TypeVar("T")
in_place: ContextVar[bool] = ContextVar("ardiq_in_place", default=False)


class DatabaseBroker(Broker):
    """Jobs as rows of a Django database; `database://<alias>` names it.

    Whoever enqueues does so with the connection and in the transaction of the calling thread: the job exists when, and
    only if, that commits. All other verbs take connections of the broker's own, except for synchronous callers,
    whose verbs all run in place.
    """

    def __init__(self, address: str, rules: QueueRules) -> None:
        self._alias = _alias(address)
        self._tables = Tables(self._alias, rules)
        super().__init__(address, rules)
        self._turns = OwnThread(self._alias, "turns")
        self._rest = OwnThread(self._alias, "rest", partial(rung_elsewhere, self._alias))
        self._sweep = Sweep(self._tables)
        self._pace = Pace(connections[self._alias].vendor)
        self.schedules = DatabaseSchedules(self._tables, partial(self._in, self._rest))
        self._ends: WeakKeyDictionary[asyncio.AbstractEventLoop, Ends] = WeakKeyDictionary()
        self._trusts_bell = False  # the last turn that a bell led to, or a look, brought something
        self._has_lent = False  # an async producer used the connection of a thread that nobody else tidies up

    @property
    def skew_ms(self) -> int:
        return self._tables.skew_ms

    @skew_ms.setter
    def skew_ms(self, skew_ms: int) -> None:
        self._tables.skew_ms = skew_ms

    def run_sync(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that awaits only this broker right here: with this thread's connection and transaction."""
        token = in_place.set(True)
        try:
            return bridge.run_in_place(coroutine)
        finally:
            in_place.reset(token)

    async def close(self) -> None:
        """End the broker's threads and their connections; the next verb begins them anew."""
        for thread in (self._turns, self._rest):
            if in_place.get():
                thread.close()
            else:
                await asyncio.to_thread(thread.close)
        if self._has_lent and not in_place.get():
            self._has_lent = False
            await sync_to_async(self._give_back)()

    def _give_back(self) -> None:
        if not connections[self._alias].in_atomic_block:
            connections[self._alias].close()

    async def _in(self, thread: OwnThread, verb: Callable[..., T], *given: Any) -> T:
        work = partial(guarded, self._alias, partial(verb, *given))
        return work() if in_place.get() else await thread.run(work)

    async def _until(
        self,
        thread: OwnThread,
        look: Callable[[bool], T | None],
        timeout_s: float,
        bell: Bell,
        pauses: Iterator[float],
    ) -> T | None:
        """Look again and again, until there is something or the time is over; `look` hears whether the bell rang."""
        deadline = time.monotonic() + timeout_s
        if in_place.get():
            return self._until_in_place(look, deadline, pauses)
        with bell.listener() as listener:
            rung = True
            while True:
                found = await self._in(thread, look, rung)
                left = deadline - time.monotonic()
                if found is not None or left <= 0:
                    return found
                rung = await listener.rung(min(left, next(pauses)))

    def _until_in_place(self, look: Callable[[bool], T | None], deadline: float, pauses: Iterator[float]) -> T | None:
        while True:
            found = guarded(self._alias, partial(look, True))
            left = deadline - time.monotonic()
            if found is not None or left <= 0:
                return found
            time.sleep(min(left, next(pauses)))

    async def enqueue(self, jobs: Sequence[StagedJob]) -> list[Acceptance]:
        work = partial(guarded, self._alias, partial(intake.enqueue, self._tables, jobs))
        if in_place.get():
            return work()
        # under async_to_sync this is the thread, and so the transaction, of the synchronous caller
        self._has_lent = True
        return await sync_to_async(work, thread_sensitive=True)()

    async def register(self, card: WorkerCard) -> None:
        await self._in(self._turns, leases.register, self._tables, card)

    async def leave(self, epoch: str) -> None:
        await self._in(self._turns, leases.leave, self._tables, epoch)

    async def exchange(self, turn: Exchange) -> Turn:
        return await self._in(self._turns, self._exchange, turn)

    def _exchange(self, turn: Exchange) -> Turn:
        answer = turns.exchange(self._tables, turn)
        if answer.deliveries or turn.outcomes:
            self._pace.worked()
        return answer

    def completion(self, epoch: str, worker_id: str) -> DatabaseCompletion:
        return DatabaseCompletion(self._tables, epoch, worker_id)

    async def wait(self, epoch: str, timeout_s: float) -> None:
        self._listen_too()
        look = Glance(self._tables, epoch).look
        await self._until(self._rest, look, timeout_s, self._tables.bells.work, self._pace.pauses())

    async def claim(self, turn: Exchange, timeout_s: float) -> Turn:
        self._listen_too()
        glance, has_looked, is_begun = Glance(self._tables, turn.epoch), False, False

        def look(rung: bool) -> Turn | None:
            nonlocal has_looked, is_begun
            is_called = has_looked and rung and self._trusts_bell
            has_looked = True
            if not (is_begun or is_called or glance.look(rung)):
                return None
            is_begun = True  # and brought to its end, should it have to be tried again
            answer = self._exchange(turn)
            self._trusts_bell = bool(answer.deliveries)
            return answer

        bell, pauses = self._tables.bells.work, self._pace.pauses()
        return await self._until(self._turns, look, timeout_s, bell, pauses) or await self.exchange(turn)

    async def listen(self, epoch: str, timeout_s: float) -> list[Command]:
        def look(_: bool) -> list[Command] | None:
            return leases.mail(self._tables, epoch)

        self._listen_too()
        return await self._until(self._rest, look, timeout_s, self._tables.bells.post, waiting.listening()) or []

    def _listen_too(self) -> None:
        if not in_place.get():
            self._rest.listen()

    async def beat(self, epoch: str, call: int, held: Mapping[str, int], news: News) -> Beat:
        return await self._in(self._turns, leases.beat, self._tables, epoch, call, held, news)

    async def renew(self, epoch: str) -> None:
        # beside the turns: one of them may be what the worker's event loop waits for
        await self._in(self._rest, leases.renew, self._tables, epoch)

    async def report(self, epoch: str, number: int, figures: Mapping[str, Figures]) -> None:
        await self._in(self._rest, statistics.report, self._tables, epoch, number, figures)

    async def tell(self, epoch: str, command: Command) -> bool:
        return await self._in(self._rest, leases.tell, self._tables, epoch, command)

    async def reap(self, dead: Collection[str] = ()) -> int:
        return await self._in(self._rest, leases.reap, self._tables, dead)

    async def sweep(self) -> None:
        for step in self._sweep.steps():
            while await self._in(self._rest, step):
                pass

    async def now_ms(self) -> int:
        return await self._in(self._rest, lambda: self._tables.now_ms)

    async def watermarks(self, schedules: Sequence[str]) -> dict[str, int]:
        return await self._in(self._rest, intake.watermarks, self._tables, schedules)

    async def stage(self, occurrences: Sequence[Occurrence]) -> list[bool]:
        return await self._in(self._rest, intake.stage, self._tables, occurrences)

    async def get(self, job_id: str) -> Snapshot | None:
        return await self._in(self._rest, reading.get, self._tables, job_id)

    async def get_many(self, ids: Sequence[str]) -> dict[str, Snapshot]:
        return await self._in(self._rest, reading.get_many, self._tables, list(ids))

    async def ahead(self, job: StagedJob) -> int | None:
        return await self._in(self._rest, reading.ahead, self._tables, job)

    async def last_runs(self, task: str, limit: int) -> list[Ran]:
        return await self._in(self._rest, reading.last_runs, self._tables, task, limit)

    async def wait_end(self, job_id: str, timeout_s: float) -> Snapshot | None:
        def look(_: bool = True) -> Snapshot | None:
            return reading.ends(self._tables, [job_id]).get(job_id)

        if in_place.get():
            ended = self._until_in_place(look, time.monotonic() + timeout_s, waiting.awaiting_end())
        else:
            ended = await self._ends_here.of(job_id, timeout_s)
        if ended is None:
            raise TimeoutError(f"job {job_id!r} has not ended within {timeout_s} s")
        return ended

    @property
    def _ends_here(self) -> Ends:
        """Those who wait on this event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._ends:
            self._ends[loop] = Ends(partial(self._in, self._rest, reading.ends, self._tables), self._tables.bells.ends)
        return self._ends[loop]

    async def size(self) -> int:
        return await self._in(self._rest, reading.size, self._tables)

    async def counts(self) -> dict[State, int]:
        return await self._in(self._rest, reading.counts, self._tables)

    async def vitals(self) -> Vitals:
        return await self._in(self._rest, reading.vitals, self._tables)

    async def count(self, query: Query) -> Totals:
        return await self._in(self._rest, reading.count, self._tables, query)

    async def page(self, query: Query) -> Page:
        return await self._in(self._rest, reading.page, self._tables, query)

    async def errors(self, query: Query, depth: int = ERRORS_SCANNED) -> Errors:
        return await self._in(self._rest, reading.errors, self._tables, query, depth)

    async def workers(self) -> list[WorkerRow]:
        return await self._in(self._rest, leases.workers, self._tables)

    async def points(self, resolution: Resolution, since_ms: int, until_ms: int, task: str = "") -> list[Point]:
        return await self._in(self._rest, statistics.points, self._tables, resolution, since_ms, until_ms, task)

    async def abort(self, ids: Sequence[str]) -> list[Answer]:
        return await self._in(self._rest, wishes.abort, self._tables, ids)

    async def replay(self, ids: Sequence[str]) -> list[Answer]:
        return await self._in(self._rest, wishes.replay, self._tables, ids)

    async def reschedule(self, ids: Sequence[str], due_ms: int) -> list[Answer]:
        return await self._in(self._rest, wishes.reschedule, self._tables, ids, due_ms)

    async def amend(self, changes: Sequence[Amendment]) -> list[Answer]:
        return await self._in(self._rest, wishes.amend, self._tables, changes)

    async def delete(self, ids: Sequence[str]) -> list[Answer]:
        return await self._in(self._rest, wishes.delete, self._tables, ids)

    async def pause(self) -> None:
        await self._in(self._rest, wishes.set_paused, self._tables, True)

    async def resume(self) -> None:
        await self._in(self._rest, wishes.set_paused, self._tables, False)

    async def paused(self) -> bool:
        return await self._in(self._rest, wishes.is_paused, self._tables)

    async def clear(self) -> int:
        return await self._in(self._rest, wishes.clear, self._tables)

    async def durability(self) -> Durability:
        return await self._in(self._rest, durability, self._tables)


def _alias(address: str) -> str:
    alias = address.partition("://")[2].strip("/") or DEFAULT_DB_ALIAS
    if alias not in connections:
        known = ", ".join(connections)
        raise ConfigError(f"broker address {address!r} names no database of DATABASES; known: {known}")
    check_vendor(connections[alias].vendor)
    return alias
