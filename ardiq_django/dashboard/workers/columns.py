"""The columns of the list of workers, which are the facts on the page of each, too."""

from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.dashboard.workers.worker import LABELS, Mood, Worker

TONES = {
    Mood.WORKING: "running",
    Mood.IDLE: "succeeded",
    Mood.QUIET: "retrying",
    Mood.STOPPING: "retrying",
    Mood.LOST: "failed",
}


@admin.display(description=_("worker"), ordering="name")
def name(worker: Worker) -> SafeString:
    where = gettext("%(host)s, process %(pid)s") % {"host": worker.host, "pid": worker.pid}
    return format_html('{} <small class="ardiq-quiet ardiq-below">{}</small>', worker.name, where)


@admin.display(description=_("state"), ordering="mood")
def mood(worker: Worker) -> SafeString:
    known = Mood(worker.mood)
    return format_html('<span class="ardiq-state ardiq-{}">{}</span>', TONES[known], LABELS[known])


@admin.display(description=_("slots used"), ordering="running")
def slots(worker: Worker) -> str:
    return gettext("%(used)d of %(all)d") % {"used": worker.running, "all": worker.row.card.concurrency}


@admin.display(description=_("lease"))
def lease(worker: Worker) -> SafeString:
    left_ms = worker.row.lease_end_ms - worker.row.now_ms
    form = gettext("%(time)s left") if worker.is_alive else gettext("over since %(time)s")
    when = stamp(worker.row.lease_end_ms, gettext("ends"))
    return format_html(
        '{} <small class="ardiq-quiet ardiq-below">{}</small>', form % {"time": duration(abs(left_ms))}, when
    )


@admin.display(description=_("memory"), ordering="rss_bytes")
def memory(worker: Worker) -> str | None:
    return filesizeformat(worker.rss_bytes) if worker.rss_bytes > 0 else None


@admin.display(description=_("up"), ordering="-started_ms")
def uptime(worker: Worker) -> str:
    return duration(worker.row.now_ms - worker.started_ms)


@admin.display(description=_("versions"))
def versions(worker: Worker) -> SafeString | None:
    told = sorted(worker.row.news.versions.items(), key=lambda one: one[0].lower())
    lines = format_html_join("", "<span>{} {}</span>", ((what[:40], version[:40]) for what, version in told[:8]))
    return format_html('<small class="ardiq-quiet ardiq-lines">{}</small>', lines) if told else None
