"""Schedules as a table, those declared in code among them; and what is done with them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.moments import duration
from ardiq_django.exceptions import ConfigError
from ardiq_django.operating.console import Console
from ardiq_django.operating.reach import reached
from ardiq_django.operating.report import Report
from ardiq_django.operating.sheet import Column, Sheet, Tone, cut, iso, number_of, plain, when
from ardiq_django.plan import Planned, Standing
from ardiq_django.planner import Schedule
from ardiq_django.registry import CronDefinition
from ardiq_django.schedule import Timetable

IN_CODE = "in code"


@dataclass(frozen=True, slots=True)
class ListedSchedule:
    """One schedule of one queue."""

    queue: str
    schedule_id: str
    task: str
    fires: str
    state: str
    next_ms: int
    last_ms: int = 0
    last_job: str = ""

    @classmethod
    def planned(cls, queue: str, row: Planned) -> "ListedSchedule":
        plan = row.plan
        fires = "once" if plan.at_ms else _fires(Timetable(plan.spec, plan.every_ms, plan.timezone))
        state = "enabled" if row.is_enabled else "disabled"
        return cls(queue, plan.id, plan.job.task, fires, state, row.next_ms, row.fired_ms, row.last_job)

    @classmethod
    def declared(cls, queue: str, cron: CronDefinition, standing: Standing, now_ms: int) -> "ListedSchedule":
        name, is_on = cron.task.name, standing.is_enabled
        state, next_ms = (IN_CODE, next(cron.table.after(now_ms))) if is_on else ("disabled", 0)
        return cls(queue, name, name, _fires(cron.table), state, next_ms, standing.fired_ms, standing.last_job)

    def document(self) -> dict[str, Any]:
        return {
            "queue": self.queue,
            "id": self.schedule_id,
            "task": self.task,
            "fires": self.fires,
            "state": self.state,
            "next": iso(self.next_ms),
            "last": iso(self.last_ms),
            "last_job": self.last_job,
        }


def _fires(table: Timetable) -> str:
    if table.every_ms:
        return f"every {duration(table.every_ms)}"
    return table.spec if table.timezone == "UTC" else f"{table.spec} {table.timezone}"


class Schedules(Report):
    """Schedules of some queues, in the order in which they fire next; so many there are in all."""

    def __init__(self, rows: Sequence[ListedSchedule], total: int, queues: int) -> None:
        self._rows = rows
        self._total = total
        self._queues = queues

    def document(self) -> dict[str, Any]:
        return {"schedules": [row.document() for row in self._rows], "total": self._total}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        if self._rows:
            yield from sheet.table(self._columns())
            yield ""
        shown = f"{len(self._rows):,} of " if len(self._rows) < self._total else ""
        yield f"{shown}{number_of(self._total, 'schedule')}"

    def _columns(self) -> list[Column]:
        rows = self._rows
        return [
            Column("queue", [row.queue if self._queues > 1 else "" for row in rows]),
            Column("id", [plain(row.schedule_id) for row in rows]),
            Column("state", [row.state for row in rows]),
            Column("fires", [row.fires for row in rows]),
            Column("next", [when(row.next_ms) for row in rows], is_right=True),
            Column("last", [when(row.last_ms) for row in rows], is_right=True),
            Column("task", [cut(plain(row.task), 60) for row in rows], is_cut=True),
        ]


def schedules(names: Sequence[str], search: str, limit: int) -> Schedules:
    """The schedules that fire next, of these queues or of all."""
    apps, rows, total = reached(names), list[ListedSchedule](), 0
    for app in apps:
        found, number = app.broker.run_sync(_found(app, search, limit))
        rows, total = rows + found, total + number
    rows.sort(key=lambda row: (not row.next_ms, row.next_ms))
    return Schedules(rows[:limit], total, len(apps))


async def _found(app: Ardiq, search: str, limit: int) -> tuple[list[ListedSchedule], int]:
    now_ms, page = await app.broker.now_ms(), await app.broker.schedules.page(limit=limit, text=search)
    declared = [cron for name, cron in app.registry.crons.items() if search.lower() in name.lower()]
    rows = [ListedSchedule.planned(app.queue_name, row) for row in page.rows]
    standings = await app.broker.schedules.standings([cron.task.name for cron in declared])
    rows += [ListedSchedule.declared(app.queue_name, cron, standings[cron.task.name], now_ms) for cron in declared]
    return rows, page.total + len(declared)


@dataclass(frozen=True, slots=True)
class Turned:
    """What was done with one schedule that was named; in no queue if none knows it."""

    verb: str
    schedule_id: str
    queue: str = ""
    job_id: str = ""  # the one that it was run as

    def document(self) -> dict[str, Any]:
        said = {"action": self.verb, "id": self.schedule_id, "queue": self.queue, "job": self.job_id}
        return {**said, "done": bool(self.queue)}


class ManyTurned(Report):
    """What was done with the schedules that were named."""

    def __init__(self, turned: Sequence[Turned]) -> None:
        self._turned = turned

    @property
    def exit_code(self) -> int:
        return int(not all(one.queue for one in self._turned))

    def document(self) -> dict[str, Any]:
        return {"schedules": [one.document() for one in self._turned]}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        for one in self._turned:
            if one.queue:
                job = f" as job {one.job_id}" if one.job_id else ""
                yield f"queue {one.queue}: {DONE[one.verb]} {plain(one.schedule_id)}{job}"
            else:
                yield f"{sheet.paint(Tone.BAD, 'refused')}  {plain(one.schedule_id)}  no such schedule, or one in code"


VERBS: dict[str, Callable[[Schedule], bool]] = {
    "cancel": Schedule.cancel_sync,
    "disable": Schedule.disable_sync,
    "enable": Schedule.enable_sync,
}
DONE = {"run": "enqueued", "cancel": "cancelled", "disable": "disabled", "enable": "enabled"}


def turn_schedules(verb: str, names: Sequence[str], ids: Sequence[str], console: Console) -> ManyTurned:
    """Run, cancel, disable or enable these schedules; nothing is done where an id stands in two queues."""
    apps = reached(names)
    found = [(one, _app_of(apps, one, verb)) for one in dict.fromkeys(ids)]
    known = sum(app is not None for _, app in found)
    if verb == "cancel" and known:
        console.confirm_or_leave(f"cancel {number_of(known, 'schedule')}")
    return ManyTurned([_turned(verb, one, app) for one, app in found])


def _app_of(apps: Sequence[Ardiq], schedule_id: str, verb: str) -> Ardiq | None:
    known = [app for app in apps if _knows(app, schedule_id, verb)]
    if len(known) > 1:
        queues = ", ".join(app.queue_name for app in known)
        raise ConfigError(f"schedule {schedule_id!r} stands in several queues: {queues}; name one with --queue")
    return known[0] if known else None


def _knows(app: Ardiq, schedule_id: str, verb: str) -> bool:
    if schedule_id in app.registry.crons:
        return verb != "cancel"  # what is in code changes in code
    return app.broker.run_sync(app.broker.schedules.get(schedule_id)) is not None


def _turned(verb: str, schedule_id: str, app: Ardiq | None) -> Turned:
    if app is None:
        return Turned(verb, schedule_id)
    schedule = app.schedule(schedule_id)
    if verb == "run":
        return Turned(verb, schedule_id, app.queue_name, schedule.run_now_sync().id)
    return Turned(verb, schedule_id, app.queue_name if VERBS[verb](schedule) else "")
