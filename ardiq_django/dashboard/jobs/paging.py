"""Paging through at most a window of jobs, and saying so."""

from functools import cached_property
from typing import TYPE_CHECKING

from django.core.paginator import Paginator
from django.utils.translation import gettext as _

from ardiq_django.dashboard.desk import WINDOW
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.queryset import BrokerQuerySet
from ardiq_django.dashboard.numbers import counted, summed, written
from ardiq_django.snapshot import ERRORS_SCANNED

if TYPE_CHECKING:
    JobPaginator = Paginator[Job]
else:
    JobPaginator = Paginator


class CappedPaginator(JobPaginator):
    """Pages of the first jobs; others are reached by narrowing the list."""

    object_list: BrokerQuerySet

    @cached_property
    def count(self) -> int:
        return min(self.object_list.count(), WINDOW)

    @property
    def note(self) -> str:
        """What the list does not show; empty if it shows everything."""
        if not self.object_list.capped and self.object_list.count() <= WINDOW:
            return ""
        terms = self.object_list.terms
        if terms.narrowed:
            looked = ERRORS_SCANNED if terms.sieve else WINDOW
            return _("Only the first %(window)s jobs of each state were searched.") % {"window": written(looked)}
        total = summed(self.object_list.by_state().values())
        return _("The first %(shown)s of %(total)s jobs. Narrow the list by state, task or date to see others.") % {
            "shown": written(self.count),
            "total": counted(max(total, self.count)),
        }
