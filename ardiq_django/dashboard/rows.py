"""Django's query language over rows that are at hand: queues, workers, tasks, schedules are few."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.db import models
from django.db.models.lookups import Lookup
from django.db.models.sql.where import AND, OR, WhereNode

from ardiq_django.dashboard.apart import NOT_A_DATABASE, ApartQuerySet
from ardiq_django.dashboard.terms import Unanswerable

M = TypeVar("M", bound=models.Model)


class RowsQuerySet(ApartQuerySet[M]):
    """Rows filtered, sorted and sliced in memory; `source` gives all of them and is asked when they are wanted."""

    source: Callable[[], Sequence[M]]

    @classmethod
    def over(cls, model: type[M], source: Callable[[], Sequence[M]]) -> "RowsQuerySet[M]":
        """All rows of this source."""
        queryset = cls(model, using=NOT_A_DATABASE)
        queryset.source = source
        return queryset

    def _clone(self) -> "RowsQuerySet[M]":
        clone: RowsQuerySet[M] = super()._clone()  # type: ignore[misc]
        clone.source = self.source
        return clone

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            found = [] if self.query.is_empty() else [row for row in self.source() if _holds(self.query.where, row)]
            self._result_cache = self._sorted(found)[self.query.low_mark : self.query.high_mark]

    def count(self) -> int:
        """How many rows."""
        return len(self)

    def _sorted(self, rows: list[M]) -> list[M]:
        order = self.query.order_by or (self.model._meta.ordering if self.query.default_ordering else ())
        for name in reversed(order or ()):
            if not isinstance(name, str):
                raise Unanswerable(f"these rows cannot be sorted by {name!r}")
            rows = sorted(rows, key=_key(name.lstrip("-")), reverse=name.startswith("-"))
        return rows if self.query.standard_ordering else rows[::-1]


def _key(name: str) -> Callable[[Any], Any]:
    def key(row: Any) -> Any:
        value = getattr(row, name)
        return value is not None, value  # what is unknown comes first

    return key


def _holds(node: WhereNode, row: Any) -> bool:
    if node.connector not in (AND, OR):
        raise Unanswerable(f"these rows cannot be looked for by {node.connector}")
    found = [_holds(child, row) if isinstance(child, WhereNode) else _is(child, row) for child in node.children]
    holds = any(found) if node.connector == OR and found else all(found)
    return holds != node.negated


def _is(child: Any, row: Any) -> bool:
    target = getattr(getattr(child, "lhs", None), "target", None)
    test = _TESTS.get(getattr(child, "lookup_name", ""))
    if not isinstance(child, Lookup) or target is None or test is None or hasattr(child.rhs, "resolve_expression"):
        raise Unanswerable(f"these rows cannot be looked for by {child!r}")
    return test(getattr(row, target.attname), child.rhs)


_TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "exact": lambda value, wanted: bool(value == wanted),
    "in": lambda value, wanted: value in wanted,
    "icontains": lambda value, wanted: str(wanted).casefold() in str(value).casefold(),
}
