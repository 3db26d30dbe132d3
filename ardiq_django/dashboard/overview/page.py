"""The overview: how all queues stand, at a glance."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.contrib.admin.models import LogEntry
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ardiq_django.dashboard.charts import Series, bars, lines
from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.numbers import counted, written
from ardiq_django.dashboard.overview.alarm import Alarm
from ardiq_django.dashboard.overview.marks import Marks
from ardiq_django.dashboard.overview.sight import NEWEST, Failure, TaskLine, known
from ardiq_django.dashboard.overview.sights import Sights
from ardiq_django.dashboard.overview.span import Span
from ardiq_django.results import State
from ardiq_django.statistics import Figures

SHOWN_TASKS, SHOWN_ACTS = 8, 8


@dataclass(frozen=True, slots=True)
class Counter:
    """One figure, and the list of jobs that it leads to, if any."""

    name: str
    text: str
    state: str = ""
    is_loud: bool = False


class Overview:
    """All queues together. What cannot be read is an alarm, and the rest is shown."""

    def __init__(self, request: HttpRequest) -> None:
        desk = desk_of(request)
        self.now_ms = desk.now_ms
        self.span = Span.of(request.GET.get("span", ""))
        self.spans = list(Span)
        self._sights = Sights(desk)
        self.queues = self._sights.queues
        # read first: the figures of the last minutes or of a day may be a part of them
        since_ms = self.span.since_ms(self.now_ms)
        self._points = [point for one in self.queues for point in one.points(self.span.resolution, since_ms)]

    @property
    def alarms(self) -> list[Alarm]:
        """What is wrong, the grave first."""
        return self._sights.alarms

    @cached_property
    def counters(self) -> list[Counter]:
        """The figures above all."""
        totals = self._sights.totals
        return [
            self._counter(_("Queued"), State.QUEUED),
            self._counter(_("Running"), State.RUNNING),
            self._counter(_("Scheduled"), State.SCHEDULED),
            self._counter(_("Retrying"), State.RETRYING),
            Counter(_("Failed in 24 h"), written(totals.day.failed), State.FAILED, totals.day.failed > 0),
            Counter(_("Done in 24 h"), written(totals.day.succeeded), State.SUCCEEDED),
            Counter(_("Oldest wait"), known(totals.oldest_wait_ms)),
            Counter(_("Worker processes"), written(totals.processes)),
        ]

    def _counter(self, name: str, state: State) -> Counter:
        return Counter(name, counted(self._sights.totals.counts[state]), state)

    @cached_property
    def _figures(self) -> list[Figures]:
        return self.span.figures(self._points, self.now_ms)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing happened in all this time."""
        return not any(figures.cells for figures in self._figures)

    @cached_property
    def throughput(self) -> Sequence[Series]:
        """What became of attempts."""
        return [
            Series(_("done"), "succeeded", [one.succeeded for one in self._figures]),
            Series(_("retried"), "retrying", [one.retried for one in self._figures]),
            Series(_("failed"), "failed", [one.failed for one in self._figures]),
            Series(_("aborted"), "aborted", [one.aborted for one in self._figures]),
        ]

    @cached_property
    def latency(self) -> Sequence[Series]:
        """How long jobs waited and ran. Where waiting rises more workers help, where running does, the code."""
        return [
            Series(_("wait, 95 %"), "retrying", [one.wait_ms(0.95) for one in self._figures]),
            Series(_("run, 95 %"), "running", [one.run_ms(0.95) for one in self._figures]),
            Series(_("run, median"), "scheduled", [one.run_ms(0.5) for one in self._figures]),
        ]

    @cached_property
    def marks(self) -> Marks:
        """What was marked in all this time; where no chart is drawn nothing is looked for."""
        return Marks(()) if self.is_quiet else Marks.of(self.span, self.now_ms)

    def throughput_chart(self) -> SafeString:
        name, moments = self.marks.beside(_("Throughput")), self.span.moments(self.now_ms)
        return bars(name, moments, self.throughput, self.marks.flags)

    def latency_chart(self) -> SafeString:
        name, moments = self.marks.beside(_("Latency")), self.span.moments(self.now_ms)
        return lines(name, moments, self.latency, self.marks.flags)

    @cached_property
    def tasks(self) -> list[TaskLine]:
        """Those that failed most within a day, then those that were slowest."""
        found = [line for one in self.queues for line in one.tasks]
        return sorted(found, key=lambda line: (-line.share, -(line.figures.run_ms(0.95) or 0)))[:SHOWN_TASKS]

    @cached_property
    def failures(self) -> list[Failure]:
        """The jobs that failed last."""
        found = [failure for one in self.queues for failure in one.failures]
        return sorted(found, key=lambda failure: failure.job.shown_ms, reverse=True)[:NEWEST]

    @cached_property
    def acts(self) -> list[LogEntry]:
        """What operators did lately."""
        entries = LogEntry.objects.filter(content_type__app_label="ardiq").select_related("user", "content_type")
        return list(entries.order_by("-action_time")[:SHOWN_ACTS])
