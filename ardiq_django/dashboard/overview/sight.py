"""One queue as the overview sees it: how it stands, what happens in it, and what is wrong."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.utils.formats import number_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ardiq_django.dashboard.apart import readable
from ardiq_django.dashboard.charts import Spark, spark
from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.moments import DAY, MINUTE, duration, moment
from ardiq_django.dashboard.numbers import counted, written
from ardiq_django.dashboard.overview.alarm import Alarm, failing, lasting, missing, standing
from ardiq_django.dashboard.schedules.schedule import missed_of
from ardiq_django.operating.status import QueueStatus
from ardiq_django.results import State
from ardiq_django.snapshot import Erred
from ardiq_django.statistics import Figures, Point, Resolution, by_task, total

LATELY_MS = 15 * MINUTE
SPARK_MINUTES = 20
NEWEST = 8
SHOWN_MISSED = 3
UNKNOWN = "\N{EN DASH}"


@dataclass(frozen=True, slots=True)
class TaskLine:
    """One task, and what became of it within a day."""

    queue: str
    task: str
    figures: Figures

    @property
    def share(self) -> float:
        """Of the jobs that ended, how many failed, in per cent."""
        ended = self.figures.succeeded + self.figures.failed
        return 100 * self.figures.failed / ended if ended else 0.0

    @property
    def runs(self) -> str:
        return written(self.figures.begun)

    @property
    def failed(self) -> str:
        return _("%(share)s %%") % {"share": number_format(self.share, 1)}

    @property
    def median(self) -> str:
        return known(self.figures.run_ms(0.5))

    @property
    def slow(self) -> str:
        return known(self.figures.run_ms(0.95))


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed."""

    queue: str
    job: Erred

    @property
    def key(self) -> str:
        return readable(f"{self.queue}:{self.job.job_id}")

    @property
    def name(self) -> str:
        """Of its task; its id, where that cannot be read."""
        return readable(self.job.task or self.job.job_id)

    @property
    def error(self) -> str:
        """Its type."""
        return readable(self.job.error)

    @property
    def when(self) -> datetime | None:
        return moment(self.job.shown_ms)


class QueueSight:
    """One queue, by the desk of one request."""

    def __init__(self, desk: Desk, status: QueueStatus) -> None:
        self.status = status
        self._desk = desk
        self._now_ms = desk.now_ms

    @property
    def name(self) -> str:
        return self.status.queue

    def points(self, resolution: Resolution, since_ms: int) -> Sequence[Point]:
        """The figures of its tasks from then until now."""
        if self.status.problem:
            return ()
        return self._desk.points(self.name, resolution, since_ms, self._now_ms)

    @cached_property
    def _minutes(self) -> dict[int, Figures]:
        first = self._now_ms - self._now_ms % MINUTE - (SPARK_MINUTES - 1) * MINUTE
        points = self.points(Resolution.MINUTE, first)
        steps = range(first, self._now_ms + 1, MINUTE)
        return {start: total(one.figures for one in points if one.start_ms == start) for start in steps}

    @cached_property
    def lately(self) -> Figures:
        """The last quarter of an hour."""
        return total(one for start, one in self._minutes.items() if start >= self._now_ms - LATELY_MS)

    @cached_property
    def _tasks_of_day(self) -> dict[str, Figures]:
        return by_task(self.points(Resolution.TEN, self._now_ms - DAY))

    @cached_property
    def day(self) -> Figures:
        """The last 24 hours."""
        return total(self._tasks_of_day.values())

    @property
    def tasks(self) -> list[TaskLine]:
        """Each task that ran within a day."""
        return [TaskLine(self.name, readable(task), figures) for task, figures in self._tasks_of_day.items() if task]

    @property
    def alarms(self) -> Iterator[Alarm]:
        """What is wrong."""
        yield from standing(self.status)
        yield from failing(self.name, self.lately, self.day)
        if not self.status.problem:
            yield from self._missed()
        if not self.status.problem and (durability := self._desk.durability(self.name)):
            yield from lasting(self.name, durability)

    def _missed(self) -> Iterator[Alarm]:
        found = missed_of(self._desk, self.name)
        late = [(one.schedule_id, self._now_ms - one.next_ms) for one in found[:SHOWN_MISSED] if one.next_ms]
        yield from missing(self.name, late, len(found) - SHOWN_MISSED)

    @property
    def failures(self) -> list[Failure]:
        """The jobs that failed last."""
        if not self.status.counts.get(State.FAILED):
            return []
        return [Failure(self.name, one) for one in self._desk.failures(self.name, NEWEST)]

    @property
    def queued(self) -> str:
        return counted(self.status.counts.get(State.QUEUED, 0))

    @property
    def oldest(self) -> str:
        return known(self.status.oldest_wait_ms)

    @property
    def begun(self) -> str:
        """Jobs begun a minute."""
        return _rate(self.lately.begun)

    @property
    def ended(self) -> str:
        """Jobs ended a minute."""
        return _rate(self.lately.succeeded + self.lately.failed + self.lately.aborted)

    def spark(self) -> SafeString:
        """The jobs that were begun in each of the last minutes."""
        small = [Spark(one.begun, "running", written(one.begun)) for one in self._minutes.values()]
        return spark(_("jobs begun in each of the last 20 minutes"), small)


def known(ms: int | None) -> str:
    """A length of time, or a dash."""
    return UNKNOWN if ms is None else duration(ms)


def _rate(count: int) -> str:
    each = count / (LATELY_MS / MINUTE)
    return str(number_format(each, 1 if each < 10 else 0, force_grouping=True))
