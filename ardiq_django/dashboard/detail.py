"""Everything one job's page shows, as plain values for its template."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.columns import badge, spent
from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.job import Job
from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.dashboard.payload import Call, Value, call, result
from ardiq_django.dashboard.timeline import Step, event_word, timeline
from ardiq_django.reading import progress_of
from ardiq_django.results import Attempt, Progress, State
from ardiq_django.states import WAITING


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of the facts."""

    name: str
    text: Any


@dataclass(frozen=True, slots=True)
class AttemptCard:
    """One attempt that did not succeed."""

    attempt: Attempt
    is_newest: bool

    @property
    def event(self) -> str:
        return event_word(self.attempt)

    @property
    def started(self) -> str:
        return stamp(self.attempt.start_ms)

    @property
    def finished(self) -> str:
        return stamp(self.attempt.finish_ms)

    @property
    def took(self) -> str:
        return duration(self.attempt.duration_ms) if self.attempt.start_ms else ""


class JobPage:
    """One job. What may hold a user's data is decoded only where `shows_payload`."""

    def __init__(self, desk: Desk, app: Ardiq, job: Job, shows_payload: bool) -> None:
        self.app = app
        self.job = job
        self.shows_payload = shows_payload
        self._desk = desk
        self._snapshot = job.snapshot

    @property
    def badge(self) -> str:
        return badge(self._snapshot.state)

    @property
    def facts(self) -> list[Fact]:
        """What is known, in the order in which one asks."""
        return [fact for fact in (*self._origin(), *self._course(), *self._limits()) if fact.text]

    def _origin(self) -> Iterator[Fact]:
        yield Fact(_("Queue"), self.job.queue)
        yield Fact(_("Lane"), self._snapshot.job.lane)

    def _course(self) -> Iterator[Fact]:
        yield Fact(_("Attempts"), self._attempts())
        yield Fact(_("Lost with a worker"), self._snapshot.crashes)
        yield Fact(_("Worker"), self._snapshot.worker)

    def _attempts(self) -> str:
        number, definition = spent(self._snapshot), self.app.registry.tasks.get(self.job.task)
        if definition is None or definition.options.max_retries < 0:
            return str(number)
        most = max(number, definition.options.max_retries + 1)
        return _("%(number)d of at most %(most)d") % {"number": number, "most": most}

    def _limits(self) -> Iterator[Fact]:
        end, waits = self._snapshot.end, self._snapshot.state in WAITING
        yield Fact(_("Expires unless started by"), stamp(self._snapshot.expires_ms if waits else 0))
        yield Fact(_("Result readable until"), stamp(end.finish_ms + end.ttl_ms if end and end.ttl_ms > 0 else 0))
        yield Fact(_("Depends on"), ", ".join(self._snapshot.job.depends_on))

    @property
    def labels(self) -> dict[str, Any]:
        return {name: text for name, text in self._snapshot.job.labels.items() if name != "undecodable"}

    @property
    def progress(self) -> Progress | None:
        return progress_of(self._snapshot)

    @cached_property
    def hints(self) -> list[str]:
        """Why a job that is due does not run."""
        if self._snapshot.state is not State.QUEUED:
            return []
        hints = []
        if self._desk.is_paused(self.job.queue):
            hints.append(_("The queue is paused: nothing is handed out."))
        if not self._desk.is_served(self.job.queue):
            hints.append(_("No worker serves this queue."))
        return hints

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
    def attempts(self) -> list[AttemptCard]:
        """Newest first."""
        newest = len(self._snapshot.attempts) - 1
        cards = [AttemptCard(one, place == newest) for place, one in enumerate(self._snapshot.attempts)]
        return cards[::-1]
