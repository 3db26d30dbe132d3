"""The schedules a memory broker keeps, and the order in which they fire."""

import heapq
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from threading import RLock

from ardiq_django.brokers.memory.jobs import Jobs
from ardiq_django.brokers.schedules import Schedules
from ardiq_django.plan import Planned, PlanPage, Standing
from ardiq_django.wire import Answer, Firing

NEVER = float("inf")


@dataclass(slots=True)
class Declared:
    """What is remembered of schedules that are declared in code."""

    marks: dict[str, int] = field(default_factory=dict)
    staged: dict[str, str] = field(default_factory=dict)  # the job that each staged last
    off: set[str] = field(default_factory=set)


class MemorySchedules(Schedules):
    """A dict by id, and a heap of next times, in which a time that is no longer its schedule's is void."""

    def __init__(
        self, jobs: Jobs, declared: Declared, lock: RLock, now: Callable[[], int], staged: Callable[[], None]
    ) -> None:
        self._jobs = jobs
        self._declared = declared
        self._lock = lock
        self._now = now
        self._staged = staged
        self._rows: dict[str, Planned] = {}
        self._heap: list[tuple[int, str]] = []

    async def plan(self, rows: Sequence[Planned]) -> list[bool]:
        with self._lock:
            return [self._plan(row) for row in rows]

    def _plan(self, row: Planned) -> bool:
        known = self._rows.get(row.plan.id)
        if known is not None and known.plan.timing == row.plan.timing:
            row = replace(known, plan=row.plan)
        elif known is not None:
            row = replace(row, fired_ms=known.fired_ms, next_ms=row.next_ms if known.is_enabled else 0)
        self._keep(row)
        return known is None

    def _keep(self, row: Planned) -> None:
        self._rows[row.plan.id] = row
        if row.is_enabled:
            heapq.heappush(self._heap, (row.next_ms, row.plan.id))

    async def unplan(self, ids: Sequence[str]) -> list[Answer]:
        with self._lock:
            return [Answer.DONE if self._rows.pop(one, None) else Answer.GONE for one in ids]

    async def replan(self, schedule_id: str, mark_ms: int, next_ms: int) -> Answer:
        with self._lock:
            known = self._rows.get(schedule_id)
            if known is None:
                return Answer.GONE
            self._keep(replace(known, mark_ms=mark_ms, next_ms=next_ms))
            return Answer.DONE

    async def get(self, schedule_id: str) -> Planned | None:
        return self._rows.get(schedule_id)

    async def page(self, offset: int = 0, limit: int = 100, text: str = "") -> PlanPage:
        with self._lock:
            rows = sorted(self._rows.values(), key=lambda row: (row.next_ms or NEVER, row.plan.id))
        found = [row for row in rows if row.matches(text)]
        return PlanPage(found[offset : offset + limit], len(found))

    async def due(self, limit: int) -> list[Planned]:
        with self._lock:
            places: list[tuple[int, str]] = []
            while self._heap and self._heap[0][0] <= self._now() and len(places) < limit:
                place = heapq.heappop(self._heap)
                if self._is_next(*place) and place not in places[-1:]:
                    places.append(place)
            for place in places:  # they stay due until they have fired
                heapq.heappush(self._heap, place)
            return [self._rows[schedule_id] for _, schedule_id in places]

    def _is_next(self, next_ms: int, schedule_id: str) -> bool:
        row = self._rows.get(schedule_id)
        return row is not None and row.next_ms == next_ms

    async def fire(self, firings: Sequence[Firing]) -> list[bool]:
        with self._lock:
            fired = [self._fire(firing) for firing in firings]
        self._staged()
        return fired

    def _fire(self, firing: Firing) -> bool:
        row = self._rows.get(firing.schedule)
        if row is None or not row.is_enabled or (row.plan.token, row.mark_ms) != (firing.token, firing.mark_ms):
            return False
        given_up = self._jobs.is_unfinished(firing.unless)
        for job in () if given_up else firing.jobs:
            self._jobs.accept(job)
        fired_ms = 0 if given_up else firing.fired_ms
        if firing.next_ms:
            self._keep(Planned(row.plan, firing.upto_ms, firing.next_ms, fired_ms or row.fired_ms))
        else:
            del self._rows[firing.schedule]
        return True

    async def standings(self, names: Sequence[str]) -> dict[str, Standing]:
        declared = self._declared
        with self._lock:
            return {
                name: Standing(declared.marks.get(name, 0), declared.staged.get(name, ""), name not in declared.off)
                for name in names
            }

    async def switch(self, name: str, *, on: bool) -> None:
        declared, now = self._declared, self._now()
        with self._lock:
            mark = declared.marks.setdefault(name, now)
            if not on:
                declared.off.add(name)
            elif name in declared.off:
                declared.off.discard(name)
                declared.marks[name] = max(mark, now)
