"""The schedules a database keeps, as rows with the time at which they fire next."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from django.db.models import Case, Q, Value, When
from django.db.models.functions import Lower, Substr

from ardiq_django.brokers.database.intake import accept
from ardiq_django.brokers.database.reading import unfinished
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.brokers.schedules import Schedules
from ardiq_django.models.schedule import PLANNED
from ardiq_django.plan import Planned, PlanPage, Standing
from ardiq_django.wire import Answer, Firing, StagedJob

AT_ONCE = 500
Run = Callable[..., Awaitable[Any]]


class DatabaseSchedules(Schedules):
    """Each verb is one transaction for so many schedules; `run` calls a function in the thread it belongs to."""

    def __init__(self, tables: Tables, run: Run) -> None:
        self._tables = tables
        self._run = run

    async def plan(self, rows: Sequence[Planned]) -> list[bool]:
        created: list[bool] = []
        for first in range(0, len(rows), AT_ONCE):
            created += await self._run(_plan, self._tables, rows[first : first + AT_ONCE])
        return created

    async def unplan(self, ids: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = await self._run(_unplan, self._tables, ids)
        return answers

    async def replan(self, schedule_id: str, mark_ms: int, next_ms: int) -> Answer:
        answer: Answer = await self._run(_replan, self._tables, schedule_id, mark_ms, next_ms)
        return answer

    async def get(self, schedule_id: str) -> Planned | None:
        found: Planned | None = await self._run(_get, self._tables, schedule_id)
        return found

    async def page(self, offset: int = 0, limit: int = 100, text: str = "") -> PlanPage:
        found: PlanPage = await self._run(_page, self._tables, offset, limit, text)
        return found

    async def due(self, limit: int) -> list[Planned]:
        found: list[Planned] = await self._run(_due, self._tables, limit)
        return found

    async def fire(self, firings: Sequence[Firing]) -> list[bool]:
        fired: list[bool] = []
        for first in range(0, len(firings), AT_ONCE):
            fired += await self._run(_fire, self._tables, firings[first : first + AT_ONCE])
        return fired

    async def standings(self, names: Sequence[str]) -> dict[str, Standing]:
        found = dict.fromkeys(names, Standing())
        for first in range(0, len(names), AT_ONCE):
            found |= await self._run(_standings, self._tables, names[first : first + AT_ONCE])
        return found

    async def switch(self, name: str, *, on: bool) -> None:
        await self._run(_switch, self._tables, name, on)


def _plan(tables: Tables, rows: Sequence[Planned]) -> list[bool]:
    with tables.atomic():
        return tables.schedules.put(tables.queue, rows)


def _unplan(tables: Tables, ids: Sequence[str]) -> list[Answer]:
    with tables.atomic():
        gone = [bool(tables.schedules.one(tables.queue, one).delete()[0]) for one in ids]
    return [Answer.DONE if was_there else Answer.GONE for was_there in gone]


def _replan(tables: Tables, schedule_id: str, mark_ms: int, next_ms: int) -> Answer:
    changed = tables.schedules.one(tables.queue, schedule_id).update(fire_ms=mark_ms, next_ms=next_ms)
    return Answer.DONE if changed else Answer.GONE


def _get(tables: Tables, schedule_id: str) -> Planned | None:
    row = tables.schedules.one(tables.queue, schedule_id).first()
    return next(iter(row.planned), None) if row else None


def _page(tables: Tables, offset: int, limit: int, text: str) -> PlanPage:
    is_disabled = Case(When(next_ms=0, then=Value(1)), default=Value(0))
    rows = tables.schedules.planned(tables.queue).order_by(is_disabled, "next_ms", "name")
    if text:
        lowered = rows.alias(own_id=Lower(Substr("name", 1 + len(PLANNED))), task_name=Lower("task"))
        rows = lowered.filter(Q(own_id__contains=text.lower()) | Q(task_name__contains=text.lower()))
    found = [planned for row in rows[offset : offset + limit] for planned in row.planned]
    return PlanPage(found, rows.count())


def _due(tables: Tables, limit: int) -> list[Planned]:
    return tables.schedules.due(tables.queue, tables.now_ms, limit)


def _fire(tables: Tables, firings: Sequence[Firing]) -> list[bool]:
    fired, jobs = [False] * len(firings), list[StagedJob]()
    with tables.atomic():
        rows = tables.schedules.taken(tables.queue, [firing.schedule for firing in firings])
        on_their_way = unfinished(tables, [firing.unless for firing in firings if firing.unless])
        for place, firing in enumerate(firings):
            row, given_up = rows.get(firing.schedule), firing.unless in on_their_way
            fired[place] = row is not None and row.fire(firing, given_up)
            jobs += firing.jobs if fired[place] and not given_up else ()
        tables.schedules.move(
            [rows[one] for one in {f.schedule for f, done in zip(firings, fired, strict=True) if done}]
        )
        if jobs:
            accept(tables, jobs)
            tables.ring("work")
    return fired


def _standings(tables: Tables, names: Sequence[str]) -> dict[str, Standing]:
    return tables.schedules.standings(tables.queue, names)


def _switch(tables: Tables, name: str, on: bool) -> None:
    with tables.atomic():
        tables.schedules.switch(tables.queue, name, on, tables.now_ms)
