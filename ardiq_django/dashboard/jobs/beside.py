"""What stands around the list of jobs: the states as tabs, and failed jobs as groups."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.utils.formats import number_format

from ardiq_django.dashboard.jobs.filters import GroupFilter, StateFilter
from ardiq_django.dashboard.jobs.groups import groups_of
from ardiq_django.results import State


def beside(changelist: ChangeList) -> dict[str, Any]:
    """For the template of the list."""
    jobs: Any = changelist.queryset
    rows = list(changelist.result_list)
    return {
        "tabs": _tabs(changelist),
        # by the broker's clock: an act on all that are listed leaves alone what comes later
        "as_of_ms": min((job.snapshot.now_ms for job in rows), default=0),
        **(_grouping(changelist) if jobs.terms.query.states == (State.FAILED,) else {}),
    }


def _tabs(changelist: ChangeList) -> list[dict[str, Any]]:
    """Each state leads to its jobs and keeps what else is chosen."""
    (states,) = (spec for spec in changelist.filter_specs if isinstance(spec, StateFilter))
    tabs: list[dict[str, Any]] = list(states.choices(changelist))
    jobs: Any = changelist.queryset
    if jobs.terms.sieve.text:  # counted by what else is found in errors, too
        for tab in tabs:
            tab["count"] = number_format(jobs.count(), force_grouping=True) if tab["selected"] else tab["count"]
    return tabs


def _grouping(changelist: ChangeList) -> dict[str, Any]:
    (spec,) = (spec for spec in changelist.filter_specs if isinstance(spec, GroupFilter))
    plain, grouped = spec.choices(changelist)
    toggle = plain if grouped["selected"] else grouped
    return {
        "group_address": toggle["query_string"],
        "is_grouped": grouped["selected"],
        "groups": groups_of(changelist) if grouped["selected"] else [],
    }
