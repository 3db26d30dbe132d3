"""Schedules kept in the broker: what is stored of each, and what it has due, as pure functions of time."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import msgspec

from ardiq_django.clock import LONGEST_MS, new_id
from ardiq_django.exceptions import ConfigError
from ardiq_django.schedule import MISSED_AFTER_MS, Misfire, Timetable, due_fires, timetable
from ardiq_django.validation import check_choice, check_flag, check_title
from ardiq_django.wire import FORMAT, Firing, StagedJob

FAR_MS = 1 << 53  # later than any calendar, and exact in every store


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanOptions:
    """What `task.options(...)` takes for a schedule alone."""

    schedule_id: str | None = None
    timezone: str | None = None  # of a cron expression; None is UTC
    misfire: str | None = None  # None is "skip"
    coalesce: bool = False

    def __post_init__(self) -> None:
        if self.schedule_id is not None:
            check_title("schedule_id", self.schedule_id)
        if self.misfire is not None:
            check_choice("misfire", self.misfire, list(Misfire))
        check_flag("coalesce", self.coalesce)

    @property
    def given(self) -> str:
        """What differs from the defaults, as it may have been written."""
        plain = PlanOptions()
        said = [(item.name, getattr(self, item.name)) for item in fields(self)]
        return ", ".join(f"{name}={value!r}" for name, value in said if value != getattr(plain, name)) or "options"


def split_options(given: Mapping[str, Any]) -> tuple[PlanOptions | None, dict[str, Any]]:
    """The options of a schedule, None if there are none among those given; and the others."""
    names = {item.name for item in fields(PlanOptions)}
    own = {name: value for name, value in given.items() if name in names}
    return PlanOptions(**own) if own else None, {name: value for name, value in given.items() if name not in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """When a schedule fires: at the times of a timetable, or once."""

    table: Timetable | None = None
    at_ms: int = 0

    @classmethod
    def cron(cls, spec: str, options: PlanOptions) -> "When":
        """By a five-field expression; raises `ConfigError` for a wrong one."""
        return cls(table=timetable(spec, None, options.timezone or "UTC"))

    @classmethod
    def interval(cls, every: timedelta | float, options: PlanOptions) -> "When":
        """Every so many seconds, aligned to the epoch; raises `ConfigError` for a time zone, which has no meaning."""
        if options.timezone is not None:
            raise ConfigError(f"timezone={options.timezone!r}: only a cron expression has a time zone")
        return cls(table=timetable(None, every, "UTC"))

    @classmethod
    def once(cls, at: datetime, options: PlanOptions) -> "When":
        """At one time; raises `ConfigError` for a naive one, and for options that only what recurs can have."""
        if not isinstance(at, datetime) or at.tzinfo is None:
            raise ConfigError(f"{at!r}: give an aware datetime")
        if options.timezone or options.misfire or options.coalesce:
            raise ConfigError("a schedule that fires once takes no timezone, misfire or coalesce")
        return cls(at_ms=max(1, round(at.timestamp() * 1000)))


class Plan(msgspec.Struct, frozen=True, array_like=True):
    """A schedule as it is stored: when to fire, and the job to enqueue each time."""

    format: int
    id: str
    token: str  # new with each planning: tells a plan from the one it replaced
    job: StagedJob  # which has no id yet
    spec: str = ""
    every_ms: int = 0
    at_ms: int = 0
    timezone: str = "UTC"
    misfire: str = Misfire.SKIP.value
    coalesce: bool = False
    created_ms: int = 0  # by the producer's clock; shown, never compared

    @property
    def timing(self) -> str:
        """The same for plans that fire at the same times."""
        told = f"{self.at_ms} {self.every_ms} {self.timezone} {self.spec}"
        return hashlib.blake2b(told.encode(), digest_size=8).hexdigest()

    @property
    def kind(self) -> str:
        """By what it fires."""
        return "time" if self.at_ms else "interval" if self.every_ms else "cron"

    @property
    def _table(self) -> Timetable:
        return Timetable(self.spec, self.every_ms, self.timezone)

    def next_ms(self, mark_ms: int) -> int:
        """The first fire time after the mark; of a plan that fires once its time, be it over or not."""
        return self.at_ms or next(self._table.after(mark_ms))

    def due(self, mark_ms: int, now_ms: int) -> list[int]:
        """The fire times after the mark that are to be staged now."""
        if self.at_ms:
            return [self.at_ms]
        fires = due_fires(self._table, mark_ms, now_ms, Misfire(self.misfire), MISSED_AFTER_MS)
        return fires[-1:] if self.coalesce else fires

    def job_id(self, fire_ms: int) -> str:
        """The id of the job of one fire time."""
        return f"cron:{self.id}:{fire_ms}"

    def job_for(self, job_id: str, now_ms: int) -> StagedJob:
        """The job, to be enqueued under this id."""
        return msgspec.structs.replace(self.job, id=job_id, enqueued_ms=now_ms)


def plan_of(schedule_id: str | None, job: StagedJob, when: When, options: PlanOptions, now_ms: int) -> Plan:
    """The plan of a job that was staged; each job that it makes carries the label `schedule_id`."""
    table = when.table or Timetable()
    known = schedule_id or new_id()
    labels = {**job.labels, "schedule_id": known}
    own = {"token": "", "digest": "", "replaces": False, "unique_for_ms": 0}  # each fire time is a call of its own
    bare = msgspec.structs.replace(job, id="", enqueued_ms=0, labels=labels, **own)
    return Plan(
        FORMAT, known, new_id(), bare, table.spec, table.every_ms, when.at_ms, table.timezone,
        options.misfire or Misfire.SKIP.value, options.coalesce, now_ms,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and how far it has come; times are by the broker's clock."""

    plan: Plan
    mark_ms: int  # every fire time up to here was staged, or given up
    next_ms: int  # when it fires next; 0 while it is disabled
    fired_ms: int = 0  # the last fire time that was staged; 0 for none

    @classmethod
    def new(cls, plan: Plan, now_ms: int) -> "Planned":
        """A plan that begins now."""
        return cls(plan, now_ms, plan.next_ms(now_ms))

    @property
    def is_enabled(self) -> bool:
        return self.next_ms > 0

    @property
    def last_job(self) -> str:
        """The id of the job it made last; "" for none."""
        return self.plan.job_id(self.fired_ms) if self.fired_ms else ""

    def matches(self, text: str) -> bool:
        """Whether its id or its task's name has this text."""
        return text.lower() in f"{self.plan.id}\n{self.plan.job.task}".lower()

    def firing(self, now_ms: int, most: int) -> Firing:
        """What it has due, at most so many jobs of it; when there is more, it stays due."""
        plan = self.plan
        fires = plan.due(self.mark_ms, now_ms)[:most]
        upto = fires[-1] if fires else now_ms
        return Firing(
            schedule=plan.id,
            token=plan.token,
            mark_ms=self.mark_ms,
            upto_ms=upto,
            next_ms=0 if plan.at_ms else plan.next_ms(upto),
            fired_ms=upto if fires else 0,
            jobs=[plan.job_for(plan.job_id(fire), now_ms) for fire in fires],
            unless=self.last_job if plan.coalesce else "",
        )

    def postponed(self, until_ms: int) -> Firing:
        """Nothing of it yet: it is due again then, and what it has due stays."""
        return Firing(self.plan.id, self.plan.token, self.mark_ms, self.mark_ms, until_ms, 0, ())


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a schedule that is declared in code has come, and whether it is to fire."""

    mark_ms: int = 0  # every fire time up to here was staged, or given up; 0 before anybody has looked
    last_job: str = ""  # that it staged
    is_enabled: bool = True

    @property
    def fired_ms(self) -> int:
        """The fire time of its last job; 0 for none."""
        fire = self.last_job.rpartition(":")[2]
        return int(fire) if fire.isdecimal() and len(fire) < len(str(FAR_MS)) else 0


@dataclass(frozen=True, slots=True)
class PlanPage:
    """Some of the plans, in the order in which they fire next, and how many there are."""

    rows: list[Planned]
    total: int


pack_plan = msgspec.msgpack.Encoder().encode
unpack_plan = msgspec.msgpack.Decoder(Plan).decode


def planned(data: bytes, mark_ms: int, next_ms: int, fired_ms: int) -> list[Planned]:
    """The stored row; nothing where its bytes cannot be read, or where no plan of ours could say so."""
    try:
        plan = unpack_plan(data)
    except (ValueError, RecursionError, ArithmeticError):
        return []
    is_sound = 0 <= plan.every_ms <= LONGEST_MS and 0 <= plan.at_ms < FAR_MS
    return [Planned(plan, mark_ms, next_ms, fired_ms)] if is_sound else []
