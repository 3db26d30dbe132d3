"""Failed jobs by what they failed with: a line for each task and error, instead of one for each job."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.views.main import ChangeList

from ardiq_django.dashboard.moments import stamp
from ardiq_django.snapshot import Erred


@dataclass(frozen=True, slots=True)
class Group:
    """The failed jobs of one task with one type of error; `address` leads to them."""

    task: str
    error: str
    number: int
    newest_ms: int
    address: str

    @property
    def is_whole(self) -> bool:
        """Whether the address leads to these jobs alone."""
        return bool(self.task and self.error)

    @property
    def newest(self) -> str:
        return stamp(self.newest_ms)


def groups_of(changelist: ChangeList) -> list[Group]:
    """The largest first, of those jobs that the broker looks at."""
    jobs: Any = changelist.queryset
    found: dict[tuple[str, str], list[Erred]] = defaultdict(list)
    for row in jobs.errors().rows:
        found[row.task, row.error].append(row)

    def group(task: str, error: str, rows: list[Erred]) -> Group:
        address = changelist.get_query_string({"task": task or None, "error": error or None}, ["group"])
        return Group(task, error, len(rows), max(row.shown_ms for row in rows), address)

    groups = [group(task, error, rows) for (task, error), rows in found.items()]
    return sorted(groups, key=lambda one: (-one.number, one.task, one.error))
