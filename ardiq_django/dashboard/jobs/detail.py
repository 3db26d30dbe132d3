"""Everything one job's page shows, as plain values for its template."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.jobs.attempts import AttemptCard, latest, unsuccessful
from ardiq_django.dashboard.jobs.columns import badge, spent
from ardiq_django.dashboard.jobs.family import Family, family
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.payload import Call, Value, call, result
from ardiq_django.dashboard.jobs.runs import MOST, RecentRuns
from ardiq_django.dashboard.jobs.timeline import Step, timeline
from ardiq_django.dashboard.jobs.waiting import hints
from ardiq_django.dashboard.moments import stamp
from ardiq_django.lineage import BY, others, said
from ardiq_django.reading import progress_of
from ardiq_django.results import Progress, State
from ardiq_django.states import WAITING

TELLING_NOTHING = ("language", "time_zone", "request_id")  # headers of our own providers: no user's data


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the facts."""

    name: str
    text: Any


class JobPage:
    """One job. What may hold a user's data is decoded only where `shows_payload`; `address` leads to a job by its
    key."""

    def __init__(self, desk: Desk, app: Ardiq, job: Job, shows_payload: bool, address: Callable[[str], str]) -> None:
        self.app = app
        self.job = job
        self.shows_payload = shows_payload
        self._address = address
        self._desk = desk
        self._snapshot = job.snapshot

    @property
    def badge(self) -> str:
        return badge(self._snapshot.state)

    @property
    def is_final(self) -> bool:
        """Whether nothing changes any more by itself."""
        return self._snapshot.state.ended

    @property
    def attempts_spent(self) -> str:
        number, definition = spent(self._snapshot), self.app.registry.tasks.get(self.job.task)
        if definition is None or definition.options.max_retries < 0:
            return str(number)
        most = max(number, definition.options.max_retries + 1)
        return _("%(number)d of at most %(most)d") % {"number": number, "most": most}

    @property
    def facts(self) -> list[Fact]:
        """What is known, in the order in which one asks."""
        return [fact for fact in (*self._course(), *self._limits()) if fact.text]

    def _course(self) -> Iterator[Fact]:
        yield Fact(_("Queue"), self.job.queue)
        yield Fact(_("Lane"), self._snapshot.job.lane)
        yield Fact(_("Lost with a worker"), self._snapshot.crashes)
        yield Fact(_("Worker"), self._snapshot.worker)

    def _limits(self) -> Iterator[Fact]:
        end, waits = self._snapshot.end, self._snapshot.state in WAITING
        yield Fact(_("Expires unless started by"), stamp(self._snapshot.expires_ms if waits else 0))
        yield Fact(_("Result readable until"), stamp(end.finish_ms + end.ttl_ms if end and end.ttl_ms > 0 else 0))

    @property
    def context(self) -> list[Fact]:
        """Labels, headers, and who enqueued it by hand."""
        headers = self._snapshot.job.headers
        shown = [Fact(_("Enqueued by"), who)] if (who := said(headers, BY)) else []
        carried = others(headers)
        if self.shows_payload:
            shown += [Fact(name, text) for name, text in {**self.labels, **carried}.items()]
        else:
            shown += [Fact(name, carried[name]) for name in TELLING_NOTHING if name in carried]
        return shown

    @property
    def labels(self) -> dict[str, Any]:
        return {name: text for name, text in self._snapshot.job.labels.items() if name != "undecodable"}

    @property
    def progress(self) -> Progress | None:
        return progress_of(self._snapshot)

    @cached_property
    def hints(self) -> Sequence[str]:
        """Why a job that waits does not run yet."""
        return list(hints(self._desk, self.app, self._snapshot))

    @property
    def steps(self) -> list[Step]:
        return timeline(self._snapshot)

    @cached_property
    def call(self) -> Call:
        return call(self.app, self._snapshot)

    @cached_property
    def result(self) -> Value | None:
        return result(self.app, self._snapshot) if self._snapshot.state is State.SUCCEEDED else None

    @property
    def reason(self) -> str:
        """Why the job ended as it did."""
        return self._snapshot.end.reason if self._snapshot.end else ""

    @property
    def latest(self) -> AttemptCard | None:
        return latest(self._snapshot)

    @property
    def attempts(self) -> Sequence[AttemptCard]:
        """Those that did not succeed, newest first."""
        return unsuccessful(self._snapshot)

    @cached_property
    def runs(self) -> RecentRuns:
        """The last runs of this task; none of a job that cannot be decoded."""
        queue, task = self.job.queue, self.job.task
        found = self._desk.last_runs(queue, task, MOST) if task else ()
        return RecentRuns(found, lambda job_id: self._address(f"{queue}:{job_id}"), self.job.job_id)

    @cached_property
    def family(self) -> Family:
        return family(self._desk, self.job.queue, self._snapshot)
