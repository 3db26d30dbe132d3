"""A list of all queues, or by a tab of one."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.section import SectionMixin


class QueueChoice(SimpleListFilter):
    """The rows of one queue."""

    title = _("queue")
    parameter_name = "queue"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(queue, queue) for queue in desk_of(request).queues]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(queue=self.value()) if self.value() else queryset


class QueueTabsMixin(SectionMixin):
    """A section whose rows belong to queues, which stand above its list as tabs."""

    change_list_template = "ardiq/change_list.html"
    list_filter = (QueueChoice,)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        if isinstance(response, TemplateResponse) and (context := response.context_data) and "cl" in context:
            changelist = context["cl"]
            context["queue_tabs"] = [tab for one in changelist.filter_specs for tab in one.choices(changelist)]
        return response
