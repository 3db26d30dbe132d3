"""The jobs of the queues in Django's admin: a list, and a page for each."""

from typing import Any
from urllib.parse import urlencode

from django.contrib.admin import ShowFacets
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.desk import ROWS, desk_of
from ardiq_django.dashboard.jobs.beside import beside
from ardiq_django.dashboard.jobs.bulk import BulkMixin
from ardiq_django.dashboard.jobs.columns import COLUMNS, lane, when
from ardiq_django.dashboard.jobs.deeds import JOB_DEEDS
from ardiq_django.dashboard.jobs.export import ExportMixin
from ardiq_django.dashboard.jobs.filters import (
    ErrorFilter,
    GroupFilter,
    QueueFilter,
    SinceFilter,
    StateFilter,
    TaskFilter,
)
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.pages import JobPagesMixin
from ardiq_django.dashboard.jobs.paging import CappedPaginator
from ardiq_django.dashboard.jobs.queryset import BrokerQuerySet
from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.exceptions import BrokerError


class JobAdminMixin(BulkMixin, ExportMixin, JobPagesMixin):
    """The same pages for every broker; mix it with the `ModelAdmin` of a theme."""

    deeds = JOB_DEEDS
    list_display: Any = COLUMNS
    list_display_links = COLUMNS[:1]
    list_filter = (QueueFilter, StateFilter, SinceFilter, TaskFilter, ErrorFilter, GroupFilter)
    search_fields = ("job_id", "task")
    search_help_text = _(
        "A part of a job's id or of its task's name; among failed or retrying jobs also of the error. "
        "A whole id leads to that job."
    )
    ordering = ("-when",)
    sortable_by = (when,)  # type: ignore[assignment]
    date_hierarchy = "when"
    paginator = CappedPaginator
    list_per_page = ROWS
    show_facets = ShowFacets.ALWAYS

    class Media:
        css = {"all": (*SectionMixin.Media.css["all"], "ardiq/jobs.css", "ardiq/job.css")}  # noqa: RUF012
        js = SectionMixin.Media.js

    def get_list_display(self, request: HttpRequest) -> Any:
        app = desk_of(request).app(request.GET.get("queue", ""))
        return [column for column in COLUMNS if column is not lane or app is None or len(app.priorities) > 1]

    def get_queryset(self, request: HttpRequest) -> BrokerQuerySet:
        desk = desk_of(request)
        desk.reads_messages = self.may(request, "view_job_payload")
        return BrokerQuerySet.at(desk)

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        try:
            return super().get_changelist_instance(request)
        except OverflowError as error:  # a year that no machine can count, in the address
            raise IncorrectLookupParameters from error

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return (queryset.search(search_term) if search_term else queryset), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if self.has_view_permission(request) and (key := self._sought(request)):
            return HttpResponseRedirect(self.address("change", quote(key)))
        response = super().changelist_view(request, extra_context)
        context = getattr(response, "context_data", None) or {}
        if "cl" in context:
            context |= beside(context["cl"])
            context |= {"group_deeds": self.group_deeds(request), "exports": self.exports(context["cl"])}
        return response

    def _sought(self, request: HttpRequest) -> str:
        """The key of the job that a search names by its whole id."""
        desk, job_id = desk_of(request), request.GET.get(SEARCH_VAR, "").strip()
        app = desk.app(request.GET.get("queue", "")) if job_id else None
        return f"{app.queue_name}:{job_id}" if app and desk.get(app.queue_name, job_id) else ""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Job | None:
        job = super().get_object(request, object_id, from_field)
        if job is None and (problem := desk_of(request).problem):
            raise BrokerError(problem)
        return job

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().change_view(request, object_id, form_url, extra_context)
        except BrokerError:
            return self._list_of(object_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        try:
            return super().history_view(request, object_id, extra_context)
        except BrokerError:
            return self._list_of(object_id)

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Job | None = None,
    ) -> HttpResponse:
        desk = desk_of(request)
        if obj and (app := desk.app(obj.queue)):
            context |= {
                "page": self.job_page(request, obj, app),
                "buttons": self.buttons(request, obj),
                "links": self.links(request, obj),
                "json_address": self.address("json", quote(obj.pk)),
                "title": obj.task or capfirst(self.opts.verbose_name),
                "subtitle": obj.job_id,
            }
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _list_of(self, object_id: str) -> HttpResponse:
        # the list says what is wrong
        queue = unquote(object_id).partition(":")[0]
        return HttpResponseRedirect(f"{self.address('changelist')}?{urlencode({'queue': queue})}")
