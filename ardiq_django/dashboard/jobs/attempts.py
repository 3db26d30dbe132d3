"""The attempts of a job as its page lists them: those that did not succeed, the one that did, the one that runs."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import pgettext

from ardiq_django.dashboard.jobs.columns import spent
from ardiq_django.dashboard.jobs.timeline import event_word
from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.results import Attempt, State
from ardiq_django.snapshot import Snapshot

_UNSUCCESSFUL = {"aborted": State.ABORTED}


@dataclass(frozen=True, slots=True)
class AttemptCard:
    """One attempt; `attempt.finish_ms` is 0 while it runs."""

    place: int  # among all attempts of the job, from 0: after a replay, numbers begin anew
    attempt: Attempt
    word: str
    tone: str
    ran_ms: int
    is_open: bool = False

    @property
    def started(self) -> str:
        return stamp(self.attempt.start_ms)

    @property
    def finished(self) -> str:
        return stamp(self.attempt.finish_ms)

    @property
    def took(self) -> str:
        return duration(self.ran_ms) if self.attempt.start_ms else ""


def unsuccessful(snapshot: Snapshot) -> Sequence[AttemptCard]:
    """The attempts with an error to tell of, newest first; the newest is open unless a later one did better."""
    newest = len(snapshot.attempts) - 1
    is_bad = snapshot.state is not State.SUCCEEDED
    cards = [
        AttemptCard(place, one, event_word(one), _tone(one), one.duration_ms, is_bad and place == newest)
        for place, one in enumerate(snapshot.attempts)
    ]
    return cards[::-1]


def latest(snapshot: Snapshot) -> AttemptCard | None:
    """The attempt that runs, or that succeeded; None where the latest is an unsuccessful one."""
    place, end = len(snapshot.attempts), snapshot.end
    if snapshot.state is State.RUNNING:
        attempt = Attempt(spent(snapshot), "running", snapshot.start_ms, 0, snapshot.worker)
        ran_ms = snapshot.now_ms - snapshot.start_ms
        return AttemptCard(place, attempt, pgettext("attempt", "running"), State.RUNNING, ran_ms)
    if snapshot.state is State.SUCCEEDED and end:
        attempt = Attempt(end.tries, "succeeded", end.start_ms, end.finish_ms, end.worker, logs=end.logs)
        return AttemptCard(place, attempt, pgettext("attempt", "succeeded"), State.SUCCEEDED, attempt.duration_ms)
    return None


def _tone(attempt: Attempt) -> str:
    return _UNSUCCESSFUL.get(attempt.event, State.FAILED)
