"""What a queryset asks for, read from Django's query into the broker's words."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.db import NotSupportedError
from django.db.models.lookups import Lookup
from django.db.models.sql.where import AND, OR, WhereNode

from ardiq_django.operating.sieve import Sieve
from ardiq_django.snapshot import WITH_ERRORS, Query

SEARCHED = {"job_id", "task"}


class Unanswerable(NotSupportedError, IncorrectLookupParameters):
    """A broker cannot answer this; in the address of a change list it leads back to the plain list."""


@dataclass(frozen=True, slots=True)
class Terms:
    """Every term must hold. `keys` are primary keys; None stands for any."""

    queue: str = ""
    keys: tuple[str, ...] | None = None
    query: Query = field(default_factory=Query)
    sieve: Sieve = field(default_factory=Sieve)

    @property
    def narrowed(self) -> bool:
        """Whether more is asked than a queue's states, so that a broker has to look at single jobs."""
        return bool(self.sieve) or self.query.is_narrowed

    def in_order(self, oldest_first: bool) -> "Terms":
        """The same, from that end on."""
        return _with(self, oldest_first=oldest_first)

    def reading_errors(self, reads_messages: bool) -> "Terms":
        """The same, with a text looked for in errors too where only jobs with errors are asked for."""
        if not self.query.text or not set(self.query.states) <= set(WITH_ERRORS):
            return self
        sieve = replace(self.sieve, text=self.query.text, reads_messages=reads_messages)
        return replace(self, query=replace(self.query, text=""), sieve=sieve)


def read(where: WhereNode) -> Terms:
    """The terms of a where clause; raises `Unanswerable` rather than leave one out."""
    return _every(where, Terms())


def _every(node: WhereNode, terms: Terms) -> Terms:
    if node.negated or (node.connector != AND and len(node.children) > 1):
        return _search(node, terms)
    for child in node.children:
        terms = _every(child, terms) if isinstance(child, WhereNode) else _add(child, terms)
    return terms


def _search(node: WhereNode, terms: Terms) -> Terms:
    """One text looked for in the id or the task's name: the only alternative a broker knows."""
    found = {_plain(child) for child in node.children}
    texts = {value for _, _, value in found}
    fields = {(name, lookup) for name, lookup, _ in found}
    if node.negated or node.connector != OR or len(texts) != 1 or fields != {(name, "icontains") for name in SEARCHED}:
        raise Unanswerable(f"a broker cannot look for {node}")
    return _once(terms, "text", texts.pop())


def _add(child: Any, terms: Terms) -> Terms:
    name, lookup, value = _plain(child)
    reader = _READERS.get((name, lookup))
    if reader is None:
        raise Unanswerable(f"a broker cannot look for {name}__{lookup}")
    return reader(terms, value)


def _plain(child: Any) -> tuple[str, str, Any]:
    target = getattr(getattr(child, "lhs", None), "target", None)
    if not isinstance(child, Lookup) or target is None or hasattr(child.rhs, "resolve_expression"):
        raise Unanswerable(f"a broker cannot look for {child!r}")
    value = tuple(child.rhs) if child.lookup_name == "in" else child.rhs
    return target.name, str(child.lookup_name), value


def _once(terms: Terms, name: str, value: Any) -> Terms:
    owner: Any = terms if name == "queue" else terms.query
    known = getattr(owner, name)
    if known and known != value:
        raise Unanswerable(f"{name} is asked for twice: {known!r} and {value!r}")
    return replace(terms, queue=value) if name == "queue" else _with(terms, **{name: value})


def _with(terms: Terms, **changes: Any) -> Terms:
    return replace(terms, query=replace(terms.query, **changes))


def _states(terms: Terms, wanted: tuple[str, ...]) -> Terms:
    return _with(terms, states=tuple(state for state in terms.query.states if state in wanted))


def _keys(terms: Terms, wanted: tuple[str, ...]) -> Terms:
    known = wanted if terms.keys is None else terms.keys
    return replace(terms, keys=tuple(key for key in dict.fromkeys(known) if key in wanted))


def _error(terms: Terms, wanted: str) -> Terms:
    return replace(_states(terms, WITH_ERRORS), sieve=replace(terms.sieve, error=wanted))


def _since(terms: Terms, at: datetime) -> Terms:
    return _with(terms, since_ms=max(terms.query.since_ms, _ms(at)))


def _until(terms: Terms, at: datetime) -> Terms:
    return _with(terms, until_ms=min(terms.query.until_ms or _ms(at), _ms(at)))


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


_READERS: dict[tuple[str, str], Callable[[Terms, Any], Terms]] = {
    ("queue", "exact"): lambda terms, value: _once(terms, "queue", value),
    ("task", "exact"): lambda terms, value: _once(terms, "task", value),
    ("state", "exact"): lambda terms, value: _states(terms, (value,)),
    ("state", "in"): _states,
    ("error", "exact"): _error,
    ("id", "exact"): lambda terms, value: _keys(terms, (value,)),
    ("id", "in"): _keys,
    ("when", "gte"): _since,
    ("when", "lt"): _until,
}
