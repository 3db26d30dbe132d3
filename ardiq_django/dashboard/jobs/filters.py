"""The filters beside the list of jobs: queue, state, time, task."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from django.contrib.admin import SimpleListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.desk import Desk, desk_of
from ardiq_django.dashboard.moments import HOUR, moment
from ardiq_django.dashboard.numbers import counted, summed
from ardiq_django.models.job import LABELS
from ardiq_django.results import State

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise

TABS = (
    *(State.QUEUED, State.RUNNING, State.SCHEDULED, State.RETRYING),
    *(State.SUCCEEDED, State.FAILED, State.ABORTED, State.EXPIRED),
)
Choices = list[tuple[str, "str | _StrPromise"]]


class JobFilter(SimpleListFilter, ABC):
    """A filter of jobs. A value that it does not offer leads back to the plain list."""

    parameter_name: str
    template = "ardiq/filter.html"
    counted = False

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return self.offers(desk_of(request))

    @abstractmethod
    def offers(self, desk: Desk) -> Choices:
        """The values and what they are called."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        if value is None:
            return queryset
        if value not in (offered for offered, _name in self.lookup_choices):
            raise IncorrectLookupParameters(f"{self.parameter_name}={value!r} is not offered")
        return self.narrowed(queryset, value)

    @abstractmethod
    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        """The jobs with this value."""

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, Any]:
        return {}

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        counts = self.get_facet_queryset(changelist) if changelist.add_facets and self.counted else {}
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("All"),
            "count": counted(summed(counts.values())) if counts else "",
        }
        for place, (value, name) in enumerate(self.lookup_choices):
            yield {
                "selected": self.value() == value,
                "query_string": changelist.get_query_string({self.parameter_name: value}),
                "display": name,
                "count": counted(counts.get(f"{place}__c", 0)) if counts else "",
                "value": value,
            }


class QueueFilter(JobFilter):
    """One queue at a time; the first declared one where none is chosen."""

    title = _("queue")
    parameter_name = "queue"

    def has_output(self) -> bool:
        # a queue named in the address is never passed over in silence
        return len(self.lookup_choices) > 1 or self.parameter_name in self.used_parameters

    def offers(self, desk: Desk) -> Choices:
        return [(queue, queue) for queue in desk.queues]

    def value(self) -> str | None:
        chosen = super().value()
        return chosen if chosen is not None else next(iter(desk_of(self.request).queues), None)

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(queue=value)

    def choices(self, changelist: ChangeList) -> Iterator[dict[str, Any]]:  # type: ignore[override]
        _everything, *queues = super().choices(changelist)
        yield from queues


class StateFilter(JobFilter):
    """Each state with its number of jobs, whatever else narrows the list. Shown as tabs, not beside the list."""

    title = _("state")
    parameter_name = "state"
    template = "ardiq/unlisted.html"
    counted = True

    def offers(self, desk: Desk) -> Choices:
        return [(state.value, capfirst(LABELS[state])) for state in TABS]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(state=value)

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, Any]:
        jobs: Any = changelist.get_queryset(self.request, exclude_parameters=self.expected_parameters())
        counts = jobs.by_state()
        return {f"{place}__c": counts.get(State(value), 0) for place, (value, _name) in enumerate(self.lookup_choices)}


class SinceFilter(JobFilter):
    """The last hour, day or week."""

    title = _("time")
    parameter_name = "since"
    hours = {"1h": 1, "24h": 24, "7d": 7 * 24}  # noqa: RUF012

    def offers(self, desk: Desk) -> Choices:
        return [("1h", _("Past hour")), ("24h", _("Past 24 hours")), ("7d", _("Past 7 days"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        since = moment(desk_of(self.request).now_ms - self.hours[value] * HOUR)
        return queryset.filter(when__gte=since)


class TaskFilter(JobFilter):
    """The tasks that are declared in this process; any other name may stand in the address."""

    title = _("task")
    parameter_name = "task"
    counted = True

    def offers(self, desk: Desk) -> Choices:
        chosen = self.value()
        app = desk.app(self.request.GET.get("queue", ""))
        known = set(app.tasks if app else ()) | ({chosen} if chosen else set())
        return [(name, name) for name in sorted(known)]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(task=value)

    def get_facet_queryset(self, changelist: ChangeList) -> dict[str, Any]:
        """Counts only where every row is at hand: a broker counts no tasks, and to do it here would be to scan."""
        jobs: Any = changelist.queryset
        by_task = jobs.by_task() if self.value() is None else None
        if by_task is None:
            return {}
        counts = {f"{place}__c": by_task[value] for place, (value, _name) in enumerate(self.lookup_choices)}
        return counts | {"others": by_task.total() - sum(counts.values())}


class ErrorFilter(JobFilter):
    """One type of error, as groups lead to it; offered only where it is chosen, since brokers do not list them."""

    title = _("error")
    parameter_name = "error"

    def has_output(self) -> bool:
        return self.value() is not None

    def offers(self, desk: Desk) -> Choices:
        chosen = self.value()
        return [(chosen, chosen)] if chosen else []

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset.filter(error=value)


class GroupFilter(JobFilter):
    """Whether failed jobs are shown as groups by task and error. It narrows nothing."""

    title = _("group")
    parameter_name = "group"
    template = "ardiq/unlisted.html"

    def has_output(self) -> bool:
        return True

    def offers(self, desk: Desk) -> Choices:
        return [("error", _("Group by error"))]

    def narrowed(self, queryset: QuerySet[Any], value: str) -> QuerySet[Any]:
        return queryset
