"""The columns of the list of jobs."""

from django.contrib import admin
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.apart import readable
from ardiq_django.dashboard.jobs.job import Job, short, shown_ms
from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.models.job import LABELS
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot

_MOMENTS = {
    State.SCHEDULED: _("due"),
    State.RETRYING: _("due again"),
    State.QUEUED: pgettext_lazy("moment", "queued"),
    State.RUNNING: _("started"),
    State.EXPIRED: _("expired"),
}


@admin.display(description=_("job"))
def job_id(job: Job) -> str:
    return format_html('<code class="ardiq-id" title="{}">{}</code>', job.job_id, short(job.job_id))


@admin.display(description=_("task"))
def task(job: Job) -> str:
    if not job.task:
        return format_html('<em class="ardiq-quiet">{}</em>', gettext("undecodable"))
    name = format_html_join(mark_safe("<wbr>"), "{}", ((part,) for part in _parts(job.task)))
    error = job.error
    return format_html('{} <small class="ardiq-error">{}</small>', name, error) if error else name


@admin.display(description=_("state"))
def state(job: Job) -> str:
    return badge(job.snapshot.state)


@admin.display(description=_("lane"))
def lane(job: Job) -> str | None:
    return job.snapshot.job.lane or None


@admin.display(description=_("when"), ordering="when")
def when(job: Job) -> str | None:
    what = _MOMENTS.get(job.snapshot.state, _("finished"))
    return stamp(shown_ms(job.snapshot), str(capfirst(what))) or None


@admin.display(description=_("took"))
def took(job: Job) -> str | None:
    return span(job.snapshot)


@admin.display(description=_("tries"))
def tries(job: Job) -> int | None:
    return spent(job.snapshot) or None


@admin.display(description=_("worker"))
def worker(job: Job) -> str | None:
    name = readable(job.snapshot.worker)
    return format_html('<span class="ardiq-worker" title="{}">{}</span>', name, name) if name else None


COLUMNS = (job_id, task, state, lane, when, took, tries, worker)


def badge(of: State) -> SafeString:
    """A state as a coloured word."""
    return format_html('<span class="ardiq-state ardiq-{}">{}</span>', of.value, capfirst(LABELS[of]))


def spent(snapshot: Snapshot) -> int:
    """The attempts a job has had, the running one included."""
    return snapshot.tries + (snapshot.state is State.RUNNING)


def _parts(name: str) -> list[str]:
    """A dotted name in parts between which a line may break."""
    *path, last = name.split(".")
    return [f"{part}." for part in path] + [last]


def span(snapshot: Snapshot) -> str | None:
    """How long a job ran, runs, waits, or has still to wait."""
    match snapshot.state:
        case State.SCHEDULED | State.RETRYING if snapshot.due_ms > snapshot.now_ms:
            return gettext("in %s") % duration(snapshot.due_ms - snapshot.now_ms)
        case State.SCHEDULED | State.RETRYING | State.QUEUED:
            return gettext("waits %s") % duration(snapshot.now_ms - snapshot.due_ms)
        case State.RUNNING:
            return gettext("for %s") % duration(snapshot.now_ms - snapshot.start_ms)
    if snapshot.end is None or not snapshot.end.start_ms:
        return None
    return duration(snapshot.end.finish_ms - snapshot.end.start_ms)
