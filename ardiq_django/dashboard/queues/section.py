"""The queues in Django's admin: how each stands, and pausing, resuming and clearing."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.deed import Deed, each
from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.moments import duration
from ardiq_django.dashboard.numbers import counted
from ardiq_django.dashboard.overview.metrics import metrics_view
from ardiq_django.dashboard.overview.status import status_view
from ardiq_django.dashboard.queues.queue import Queue
from ardiq_django.dashboard.rows import RowsQuerySet
from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.declared import get_app


@admin.display(description=_("oldest wait"), ordering="oldest_ms")
def oldest(queue: Queue) -> str | None:
    return None if queue.oldest_ms is None else duration(queue.oldest_ms)


@admin.display(description=_("queued"), ordering="waiting")
def waiting(queue: Queue) -> str:
    return counted(queue.waiting)


@admin.display(description=_("later"), ordering="later")
def later(queue: Queue) -> str:
    return counted(queue.later)


@admin.display(description=_("workers"))
def workers(queue: Queue) -> int:
    return len(queue.status.alive)


@admin.display(description=_("state"))
def mood(queue: Queue) -> SafeString:
    status = queue.status
    if status.problem:
        return _badge("failed", gettext("Cannot be read"))
    if status.is_paused:
        return _badge("retrying", gettext("Paused"))
    if status.is_unserved:
        return _badge("failed", gettext("No worker"))
    return _badge("succeeded" if status.alive else "queued", gettext("Served") if status.alive else gettext("Idle"))


def _badge(tone: str, text: str) -> SafeString:
    return format_html('<span class="ardiq-state ardiq-{}">{}</span>', tone, text)


def _app(queue: Queue) -> Ardiq:
    return get_app(str(queue.name))


DEEDS = (
    Deed(
        name="pause",
        label=_("Pause"),
        done=_("paused"),
        right="pause_queue",
        do=each(lambda queue: _app(queue).pause_sync()),
        fits=lambda queue: not queue.status.is_paused,
    ),
    Deed(
        name="resume",
        label=_("Resume"),
        done=_("resumed"),
        right="pause_queue",
        do=each(lambda queue: _app(queue).resume_sync()),
        fits=lambda queue: queue.status.is_paused,
    ),
    Deed(
        name="clear",
        label=pgettext_lazy("a queue", "Clear"),
        done=_("cleared"),
        right="clear_queue",
        do=each(lambda queue: _app(queue).clear_sync()),
        fits=lambda queue: queue.waiting + queue.later > 0,
        is_grave=True,
    ),
)


class QueueAdminMixin(SectionMixin):
    """The same page for every broker; mix it with the `ModelAdmin` of a theme."""

    deeds: Sequence[Deed] = DEEDS  # type: ignore[misc]
    list_display: Any = ("name", mood, waiting, oldest, later, "running", workers)
    list_display_links = None
    change_list_template = "ardiq/change_list.html"
    search_fields = ("name",)
    ordering = ("name",)

    def get_urls(self) -> list[Any]:
        """Two more, above all: how the queues stand, for programs."""
        name, is_let_in = f"{self.opts.app_label}_{self.opts.model_name}", self.admin_site.has_permission
        return [
            path("status.json", status_view(is_let_in), name=f"{name}_status"),
            path("metrics", metrics_view(is_let_in), name=f"{name}_metrics"),
            *super().get_urls(),
        ]

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*self.list_display, self.button_column(request))

    def get_queryset(self, request: HttpRequest) -> RowsQuerySet[Queue]:
        return RowsQuerySet.over(Queue, lambda: [Queue.of(status) for status in desk_of(request).statuses])
