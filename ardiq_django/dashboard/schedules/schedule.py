"""The admin's schedule: one that is declared in code, or one that is kept in the broker."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import islice

from django.db import models
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.apart import ApartModel
from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.moments import MINUTE
from ardiq_django.dashboard.schedules.spoken import spoken_cron, spoken_interval
from ardiq_django.plan import Planned, PlanPage, Standing
from ardiq_django.registry import CronDefinition
from ardiq_django.results import State
from ardiq_django.schedule import Misfire, Timetable

PLANS = 500  # of one queue that are listed, those that fire next
CODE, PLAN = "code", "plan"
SHOWN_RUNS = 5


class Condition(StrEnum):
    """How a schedule stands."""

    ENABLED = "enabled"
    DISABLED = "disabled"
    MISSED = "missed"  # it was due more than a minute ago, and was not fired


LABELS = {Condition.ENABLED: _("Enabled"), Condition.DISABLED: _("Disabled"), Condition.MISSED: _("Missed")}
TONES = {Condition.ENABLED: "succeeded", Condition.DISABLED: "queued", Condition.MISSED: "failed"}


class Schedule(ApartModel):
    """The fields are what a list is sorted and searched by; the rest stands beside them."""

    id = models.CharField(_("key"), primary_key=True, max_length=330)  # <queue>:<code or plan>:<its own id>
    schedule_id = models.CharField(_("schedule"), max_length=255)
    task = models.CharField(_("task"), max_length=255)
    queue = models.CharField(_("queue"), max_length=64)
    next_ms = models.BigIntegerField(_("next run"), null=True)  # also one that was missed
    fired_ms = models.BigIntegerField(_("last run"), null=True)
    condition = models.CharField(_("state"), max_length=10, choices=list(LABELS.items()))

    planned: Planned | None  # where it is kept in the broker
    table: Timetable
    misfire: str
    coalesce: bool
    last_job: str
    outcome: State | None = None  # of its last job, where that is known
    now_ms: int

    class Meta(ApartModel.Meta):
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")

    def __str__(self) -> str:
        return str(self.schedule_id)

    @classmethod
    def kept(cls, queue: str, row: Planned, now_ms: int) -> "Schedule":
        """The row of one that is kept in the broker."""
        plan = row.plan
        return cls(
            id=f"{queue}:{PLAN}:{plan.id}",
            schedule_id=plan.id,
            task=plan.job.task,
            queue=queue,
            next_ms=row.next_ms or None,
            fired_ms=row.fired_ms or None,
            condition=_condition(row.is_enabled, row.next_ms, now_ms),
        ).shown(
            planned=row,
            table=Timetable(plan.spec, plan.every_ms, plan.timezone),
            misfire=plan.misfire,
            coalesce=plan.coalesce,
            last_job=row.last_job,
            now_ms=now_ms,
        )

    @classmethod
    def declared(cls, queue: str, cron: CronDefinition, standing: Standing, now_ms: int) -> "Schedule":
        """The row of one that is declared in code."""
        name, due_ms = cron.task.name, due_of(cron, standing)
        is_missed = standing.is_enabled and 0 < due_ms < now_ms - MINUTE
        next_ms = due_ms if is_missed else next(cron.table.after(now_ms))
        return cls(
            id=f"{queue}:{CODE}:{name}",
            schedule_id=name,
            task=name,
            queue=queue,
            next_ms=next_ms if standing.is_enabled else None,
            fired_ms=standing.fired_ms or None,
            condition=_condition(standing.is_enabled, next_ms, now_ms),
        ).shown(
            planned=None,
            table=cron.table,
            misfire=cron.misfire.value,
            coalesce=cron.coalesce,
            last_job=standing.last_job,
            now_ms=now_ms,
        )

    @property
    def is_declared(self) -> bool:
        return self.planned is None

    @property
    def is_enabled(self) -> bool:
        return self.condition != Condition.DISABLED

    @property
    def fires(self) -> str:
        """When, in words."""
        if self.planned and self.planned.plan.at_ms:
            return gettext("once")
        if self.table.every_ms:
            return spoken_interval(self.table.every_ms)
        return spoken_cron(self.table.spec, self.table.timezone)

    @property
    def policy(self) -> str:
        """What happens to times that passed while nobody looked, and to those that come too soon."""
        words = {
            Misfire.SKIP.value: gettext("what was missed is skipped"),
            Misfire.ONCE.value: gettext("what was missed is made up for once"),
            Misfire.ALL.value: gettext("all that was missed is made up for"),
        }
        if self.planned and self.planned.plan.at_ms:
            return gettext("however late")
        told = words.get(self.misfire, self.misfire)
        return told + ("; " + gettext("none while the last job is on its way") if self.coalesce else "")

    @cached_property
    def runs(self) -> Sequence[int]:
        """The next times at which it fires, if nothing changes."""
        if not self.is_enabled:
            return ()
        if self.planned and self.planned.plan.at_ms:
            return (self.next_ms,) if self.next_ms else ()
        try:
            return list(islice(self.table.after(self.now_ms), SHOWN_RUNS))
        except Exception:  # the expression is anybody's who can write to the broker
            return ()


def condition_badge(schedule: Schedule) -> SafeString:
    """How it stands, as a coloured word."""
    known = Condition(schedule.condition)
    return format_html('<span class="ardiq-state ardiq-{}">{}</span>', TONES[known], LABELS[known])


def _condition(is_enabled: bool, due_ms: int, now_ms: int) -> Condition:
    if not is_enabled:
        return Condition.DISABLED
    return Condition.MISSED if 0 < due_ms < now_ms - MINUTE else Condition.ENABLED


def due_of(cron: CronDefinition, standing: Standing) -> int:
    """The first fire time that nobody has looked at yet; 0 where nobody ever looked at any."""
    try:
        return next(cron.table.after(standing.mark_ms)) if standing.mark_ms else 0
    except (ValueError, OverflowError, OSError):  # a mark that somebody spoilt
        return 0


def plans_of(desk: Desk, queue: str, text: str) -> PlanPage:
    """Those of one queue that are kept in its broker and fire next."""
    return desk.read(queue, lambda broker: broker.schedules.page(0, PLANS, text), PlanPage([], 0))


def declared_of(desk: Desk, queue: str) -> Iterator[Schedule]:
    """Those of one queue that are declared in code."""
    app = desk.app(queue)
    crons = app.registry.crons if app else {}
    nothing: dict[str, Standing] = {}
    found = desk.read(queue, lambda broker: broker.schedules.standings(list(crons)), nothing) if crons else nothing
    for name, standing in found.items():
        yield Schedule.declared(queue, crons[name], standing, desk.now_ms)


@dataclass(frozen=True, slots=True)
class Listed:
    """Some schedules, and how many more fire later."""

    rows: Sequence[Schedule]
    more: int


def listed(desk: Desk, queue: str, text: str) -> Listed:
    """The schedules of a queue, or of all, among those that are kept in a broker those with this text."""
    rows, more = list[Schedule](), 0
    for one in [queue] if queue in desk.queues else desk.queues:
        page = plans_of(desk, one, text)
        rows += [Schedule.kept(one, row, desk.now_ms) for row in page.rows]
        rows += declared_of(desk, one)
        more += page.total - len(page.rows)
    return Listed(rows, max(0, more))


def schedule_of(desk: Desk, key: str) -> Schedule | None:
    """The one of a key; None if there is none, or for a problem."""
    queue, _colon, rest = key.partition(":")
    kind, _colon, name = rest.partition(":")
    if queue not in desk.queues or not name:
        return None
    if kind == CODE:
        return next((one for one in declared_of(desk, queue) if one.schedule_id == name), None)
    row = desk.read(queue, lambda broker: broker.schedules.get(name), None) if kind == PLAN else None
    return Schedule.kept(queue, row, desk.now_ms) if row else None


def find_outcomes(desk: Desk, schedules: Sequence[Schedule]) -> None:
    """Look up what became of their last jobs, with one question for each queue."""
    for queue in {schedule.queue for schedule in schedules}:
        own = [schedule for schedule in schedules if schedule.queue == queue and schedule.last_job]
        known = desk.known(queue, [schedule.last_job for schedule in own])
        for schedule in own:
            snapshot = known.get(schedule.last_job)
            schedule.outcome = snapshot.state if snapshot else None


def missed_of(desk: Desk, queue: str) -> list[Schedule]:
    """Those of one queue that were due more than a minute ago, and were not fired: a bounded number of them."""
    nothing: list[Planned] = []
    due = desk.read(queue, lambda broker: broker.schedules.due(PLANS), nothing)
    rows = [*declared_of(desk, queue), *(Schedule.kept(queue, row, desk.now_ms) for row in due)]
    return [row for row in rows if row.condition == Condition.MISSED]
