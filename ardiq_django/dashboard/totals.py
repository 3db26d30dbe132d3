"""How many jobs are in each state, as it stands above the pages that do not tell it themselves."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import unquote
from django.http import HttpRequest
from django.utils.text import capfirst

from ardiq_django.dashboard.desk import Desk, desk_of
from ardiq_django.dashboard.jobs.filters import TABS
from ardiq_django.dashboard.numbers import counted, summed
from ardiq_django.models.job import LABELS
from ardiq_django.results import State


@dataclass(frozen=True, slots=True)
class Total:
    """One state: `address` leads to its jobs, `told` says how many each queue has where there are several."""

    state: State
    name: str
    text: str
    terms: str
    told: str

    @property
    def is_none(self) -> bool:
        return self.text == "0"


class Totals:
    """The jobs of one queue, or of all declared ones. Those that cannot be read are `unread`, and hide no other."""

    def __init__(self, desk: Desk, queue: str) -> None:
        self.queue = queue if queue in desk.queues else ""
        wanted = [self.queue] if self.queue else desk.queues
        read = {one: desk.states(one) for one in wanted}
        self._counts = {one: counts for one, counts in read.items() if counts is not None}
        self.unread = [one for one in wanted if one not in self._counts]

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __iter__(self) -> Iterator[Total]:
        for state in TABS:
            each = {queue: counts.get(state, 0) for queue, counts in self._counts.items()}
            yield Total(
                state, capfirst(str(LABELS[state])), counted(summed(each.values())), _terms(state, each), _told(each)
            )


def _terms(state: State, each: Mapping[str, int]) -> str:
    """A list is of one queue: the first that has such jobs."""
    queue = next((one for one, number in each.items() if number), next(iter(each)))
    return urlencode({"queue": queue, "state": state.value})


def _told(each: Mapping[str, int]) -> str:
    return " · ".join(f"{queue} {counted(number)}" for queue, number in each.items()) if len(each) > 1 else ""


def totals_of(request: HttpRequest, section: str) -> Totals | None:
    """Those of the queue that a page of a section is about, or of all; None for whoever may not see jobs."""
    if not request.user.has_perm("ardiq.view_job"):
        return None
    desk = desk_of(request)
    return Totals(desk, _queue_of(request, section, desk.queues))


def _queue_of(request: HttpRequest, section: str, queues: Sequence[str]) -> str:
    """Every key of ours begins with its queue; a list may name one, and that of jobs is always of one."""
    match: Any = request.resolver_match
    if key := (match.kwargs.get("object_id", "") if match else ""):
        return unquote(key).partition(":")[0]
    return request.GET.get("queue", "") or (next(iter(queues), "") if section == "job" else "")
