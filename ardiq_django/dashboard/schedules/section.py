"""The schedules in Django's admin: when each fires, what came of it, and switching, firing and cancelling."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin import ShowFacets
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.deed import Deed, each
from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.dashboard.queue_tabs import QueueChoice, QueueTabsMixin
from ardiq_django.dashboard.rows import RowsQuerySet
from ardiq_django.dashboard.schedules.page import SchedulePagesMixin
from ardiq_django.dashboard.schedules.schedule import (
    Listed,
    Schedule,
    condition_badge,
    find_outcomes,
    listed,
    schedule_of,
)
from ardiq_django.declared import get_app
from ardiq_django.exceptions import ArdiqError
from ardiq_django.planner import Schedule as Handle

LISTED = "ardiq_schedules"  # of a request


@admin.display(description=_("schedule"), ordering="schedule_id")
def name(schedule: Schedule) -> SafeString:
    what = gettext("declared in code") if schedule.is_declared else schedule.task
    form = '{} <small class="ardiq-quiet ardiq-below">{} · {}</small>'
    return format_html(form, schedule.schedule_id, schedule.queue, what)


@admin.display(description=_("state"), ordering="condition")
def condition(schedule: Schedule) -> SafeString:
    return condition_badge(schedule)


@admin.display(description=_("fires"))
def fires(schedule: Schedule) -> str:
    return schedule.fires


@admin.display(description=_("next run"), ordering="next_ms")
def next_run(schedule: Schedule) -> SafeString | None:
    if schedule.next_ms is None:
        return None
    away = schedule.next_ms - schedule.now_ms
    below = gettext("in %s") if away >= 0 else gettext("due for %s")
    when = stamp(schedule.next_ms)
    return format_html('{} <small class="ardiq-quiet ardiq-below">{}</small>', when, below % duration(abs(away)))


def _handle(schedule: Schedule) -> Handle:
    app: Ardiq = get_app(str(schedule.queue))
    return app.schedule(str(schedule.schedule_id))


def _turn(turn: Callable[[Handle], bool]) -> Callable[[Schedule], None]:
    def turned(schedule: Schedule) -> None:
        try:
            was_there = turn(_handle(schedule))
        except (ValueError, LookupError) as error:  # its times were written around the API, and are none
            raise ArdiqError(str(error)) from error
        if not was_there:
            raise ArdiqError(gettext("it is gone"))

    return turned


def _cancel(schedule: Schedule) -> None:
    if schedule.is_declared:
        raise ArdiqError(gettext("it is declared in code, and is removed there"))
    _turn(Handle.cancel_sync)(schedule)


DEEDS = (
    Deed(
        name="run",
        label=_("Run now"),
        done=_("enqueued"),
        right="run_schedule",
        do=each(lambda schedule: _handle(schedule).run_now_sync()),
    ),
    Deed(
        name="disable",
        label=_("Disable"),
        done=_("disabled"),
        right="change_schedule",
        do=each(_turn(Handle.disable_sync)),
        fits=lambda schedule: schedule.is_enabled,
    ),
    Deed(
        name="enable",
        label=_("Enable"),
        done=_("enabled"),
        right="change_schedule",
        do=each(_turn(Handle.enable_sync)),
        fits=lambda schedule: not schedule.is_enabled,
    ),
    Deed(
        name="cancel",
        label=pgettext_lazy("a schedule", "Cancel"),
        done=_("cancelled"),
        right="change_schedule",
        do=each(_cancel),
        fits=lambda schedule: not schedule.is_declared,
        is_grave=True,
    ),
)


class ScheduleAdminMixin(SchedulePagesMixin, QueueTabsMixin):
    """The same pages for every broker; mix it with the `ModelAdmin` of a theme."""

    deeds: Sequence[Deed] = DEEDS  # type: ignore[misc]
    list_display: Any = (name, condition, fires, next_run)
    list_display_links = (name,)
    change_list_template = "ardiq/schedules.html"
    search_fields = ("schedule_id", "task")
    show_facets = ShowFacets.NEVER
    ordering = ("-condition", "next_ms", "schedule_id")

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*self.list_display, self._last_column(request), self.button_column(request))

    def get_queryset(self, request: HttpRequest) -> RowsQuerySet[Schedule]:
        return RowsQuerySet.over(Schedule, lambda: self._listed(request).rows)

    def _listed(self, request: HttpRequest) -> Listed:
        """What the list of this request is made of; read once."""
        if LISTED not in request.__dict__:
            words = request.GET.get(SEARCH_VAR, "").split()
            text = max(words, key=len, default="")  # the broker looks for one text, the rest is sifted here
            queue = request.GET.get(QueueChoice.parameter_name, "")
            request.__dict__[LISTED] = listed(desk_of(request), queue, text)
        found: Listed = request.__dict__[LISTED]
        return found

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Schedule | None:
        return schedule_of(desk_of(request), object_id)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        found = super().get_changelist_instance(request)
        if self.may(request, "view_job"):
            find_outcomes(desk_of(request), found.result_list)
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"listed": lambda: self._listed(request), **(extra_context or {})})

    def _last_column(self, request: HttpRequest) -> Callable[[Schedule], SafeString | None]:
        @admin.display(description=_("last run"), ordering="fired_ms")
        def last_run(schedule: Schedule) -> SafeString | None:
            return self.last_run(request, schedule)

        return last_run
