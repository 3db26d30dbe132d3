"""What is wrong with a queue, in one sentence each and with what to do; nothing where all is well."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, ngettext

from ardiq_django.brokers.durability import Durability
from ardiq_django.dashboard.moments import MINUTE, duration
from ardiq_django.dashboard.numbers import counted, summed
from ardiq_django.operating.status import QueueStatus
from ardiq_django.states import WAITING
from ardiq_django.statistics import Figures

LONG_WAIT_MS = 5 * MINUTE
FEW_FAILURES = 5  # fewer are no alarm, whatever their share
SHARE = 0.1  # of what ended
RISE = 2.0  # times the share before
# what a broker says in always the same words; other sentences quote a server's settings and are left as they are
SAID = (
    gettext_noop("memory: everything is lost when the process ends"),
    gettext_noop("give the queue another BROKER"),
)


@dataclass(frozen=True, slots=True)
class Alarm:
    """One thing that is wrong. `is_grave`: jobs do not run, or fail; else something is to be known.

    `about` is one word for programs, which stays when the text is said otherwise."""

    queue: str
    about: str
    text: str
    remedy: str = ""
    is_grave: bool = True


def standing(status: QueueStatus) -> Iterator[Alarm]:
    """What its workers and its waiting jobs tell."""
    if status.problem:
        yield Alarm(status.queue, "unreadable", status.problem)
        return
    if status.waiting:
        yield from _waiting(status)
    for worker in status.workers:
        if not worker.is_alive:
            form = _("Worker %(worker)s does not answer; what it held is given to others.")
            yield Alarm(status.queue, "lost", form % {"worker": worker.row.card.worker_id}, is_grave=False)


def _waiting(status: QueueStatus) -> Iterator[Alarm]:
    queue, number, oldest_ms = status.queue, status.waiting, status.oldest_wait_ms or 0
    waiting = counted(summed([status.counts.get(state, 0) for state in WAITING]))
    if status.is_unserved:
        form = ngettext(
            "%(waiting)s job waits, and no worker serves this queue.",
            "%(waiting)s jobs wait, and no worker serves this queue.",
            number,
        )
        yield Alarm(queue, "unserved", form % {"waiting": waiting}, f"manage.py runworker {queue}")
    elif oldest_ms > LONG_WAIT_MS and not status.is_paused:
        form = ngettext(
            "%(waiting)s job waits, for %(long)s: more slots, or more workers, would help.",
            "%(waiting)s jobs wait, the oldest for %(long)s: more slots, or more workers, would help.",
            number,
        )
        yield Alarm(queue, "waiting", form % {"waiting": waiting, "long": duration(oldest_ms)})
    if status.is_paused:
        form = ngettext("Paused, with %(waiting)s job waiting.", "Paused, with %(waiting)s jobs waiting.", number)
        yield Alarm(queue, "paused", form % {"waiting": waiting}, is_grave=False)


def failing(queue: str, lately: Figures, before: Figures) -> Iterator[Alarm]:
    """Whether more jobs fail lately than before."""
    share, former = _share(lately), _share(before)
    if lately.failed >= FEW_FAILURES and share >= SHARE and share >= RISE * former:
        form = _("%(share)d %% of the jobs that ended in the last 15 minutes failed; before it was %(former)d %%.")
        yield Alarm(queue, "failing", form % {"share": round(share * 100), "former": round(former * 100)})


def missing(queue: str, late: Sequence[tuple[str, int]], more: int) -> Iterator[Alarm]:
    """Whether schedules were due and were not fired: which, and for how long."""
    for name, late_ms in late:
        form = _("Schedule %(name)s should have fired %(long)s ago, and has not.")
        yield Alarm(queue, "missed", form % {"name": name, "long": duration(late_ms)}, f"manage.py runworker {queue}")
    if more > 0:
        form = ngettext(
            "%(more)d more schedule should have fired, and has not.",
            "%(more)d more schedules should have fired, and have not.",
            more,
        )
        yield Alarm(queue, "missed", form % {"more": more})


def lasting(queue: str, durability: Durability) -> Iterator[Alarm]:
    """Whether a crash of the broker may lose more than one would expect."""
    if durability.is_weak:
        yield Alarm(queue, "durability", _(durability.sentence), _(durability.remedy), is_grave=False)


def _share(figures: Figures) -> float:
    ended = figures.succeeded + figures.failed
    return figures.failed / ended if ended else 0.0
