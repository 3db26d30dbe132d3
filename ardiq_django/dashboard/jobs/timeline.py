"""What happened to a job, in order, with the time that passed between."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.models.job import LABELS
from ardiq_django.results import Attempt, State
from ardiq_django.snapshot import Snapshot

EVENTS = {
    "failed": pgettext_lazy("attempt", "failed"),
    "timed out": pgettext_lazy("attempt", "timed out"),
    "retry asked": pgettext_lazy("attempt", "asked for a retry"),
    "aborted": pgettext_lazy("attempt", "aborted"),
    "crashed": pgettext_lazy("attempt", "lost with its worker"),
}
NEARLY_MS = 1_000  # a job due within this of being enqueued was due at once


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened; `tone` is a state's colour, `before` the time since the step above."""

    name: str
    tone: str
    at_ms: int
    until_ms: int = 0  # of something that took time
    note: str = ""
    before: str = ""

    @property
    def at(self) -> str:
        return stamp(self.at_ms)

    @property
    def took(self) -> str:
        return duration(self.until_ms - self.at_ms) if self.until_ms and self.at_ms else ""


def timeline(snapshot: Snapshot) -> list[Step]:
    """From enqueued to its end, or to what it waits for."""
    steps = [*_enqueued(snapshot), *map(_attempt, snapshot.attempts), *_present(snapshot)]
    gaps = (replace(step, before=_gap(last, step, snapshot.now_ms)) for last, step in pairwise(steps))
    return [steps[0], *gaps]


def _enqueued(snapshot: Snapshot) -> Iterator[Step]:
    if snapshot.job.enqueued_ms:  # a job that cannot be decoded has no such time
        yield Step(_("Enqueued"), "neutral", snapshot.job.enqueued_ms)


def _attempt(attempt: Attempt) -> Step:
    tone = State.ABORTED if attempt.event == "aborted" else State.FAILED
    name = _("Attempt %(number)d %(event)s") % {"number": attempt.number, "event": event_word(attempt)}
    return Step(name, tone, attempt.start_ms or attempt.finish_ms, attempt.finish_ms, attempt.error_type)


def _present(snapshot: Snapshot) -> Iterator[Step]:
    match snapshot.state:
        case State.RUNNING:
            yield Step(_("Running"), State.RUNNING, snapshot.start_ms, snapshot.now_ms, snapshot.worker)
        case State.SUCCEEDED if snapshot.end:
            number = {"number": snapshot.end.tries}
            yield Step(_("Attempt %(number)d") % number, State.SUCCEEDED, snapshot.end.start_ms, snapshot.end.finish_ms)
            yield _ended(snapshot)
        case state if state.ended:
            yield _ended(snapshot)
        case _:
            yield from _waiting(snapshot)


def _ended(snapshot: Snapshot) -> Step:
    at = snapshot.end.finish_ms if snapshot.end else snapshot.expires_ms
    return Step(str(capfirst(LABELS[snapshot.state])), snapshot.state, at)


def _waiting(snapshot: Snapshot) -> Iterator[Step]:
    delayed = snapshot.due_ms - (snapshot.job.enqueued_ms or snapshot.due_ms) > NEARLY_MS
    if snapshot.state is State.QUEUED:
        if delayed:
            yield Step(_("Due"), State.SCHEDULED, snapshot.due_ms)
        since = snapshot.due_ms or snapshot.job.enqueued_ms
        yield Step(_("Waits in its lane"), State.QUEUED, since, snapshot.now_ms, snapshot.job.lane)
    else:
        yield Step(_("Due"), snapshot.state, snapshot.due_ms)


def _gap(last: Step, step: Step, now_ms: int) -> str:
    gap = step.at_ms - (last.until_ms or last.at_ms)
    # clocks of different hosts may disagree by a little
    if gap <= 0 or not last.at_ms:
        return ""
    return (_("%s later") if step.at_ms > now_ms else _("waited %s")) % duration(gap)


def event_word(attempt: Attempt) -> str:
    """What became of an attempt."""
    return str(EVENTS.get(attempt.event, attempt.event))
