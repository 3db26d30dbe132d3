"""Django's query language over a broker: the query is Django's own, only its execution is ours."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.db.models import Max, Min, Q

from ardiq_django.dashboard.apart import NOT_A_DATABASE, ApartQuerySet
from ardiq_django.dashboard.desk import ROWS, WINDOW, Desk
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.moments import moment
from ardiq_django.dashboard.terms import Terms, Unanswerable, read
from ardiq_django.results import State
from ardiq_django.snapshot import Errors, Page, Snapshot

NEWEST_FIRST = ((), ("-when",), ("-when", "-pk"))
OLDEST_FIRST = (("when",), ("when", "-pk"), ("when", "pk"))


class BrokerQuerySet(ApartQuerySet[Job]):
    """Jobs of one queue, newest or oldest first. What a broker cannot answer raises; nothing is ever asked of a
    database."""

    desk: Desk

    @classmethod
    def at(cls, desk: Desk) -> "BrokerQuerySet":
        """All jobs of the first declared queue, until another one is asked for."""
        queryset = cls(Job, using=NOT_A_DATABASE)
        queryset.desk = desk
        return queryset

    def _clone(self) -> "BrokerQuerySet":
        clone: BrokerQuerySet = super()._clone()  # type: ignore[misc]
        clone.desk = self.desk
        return clone

    @property
    def terms(self) -> Terms:
        """What is asked for; raises `Unanswerable` if it cannot be."""
        order = tuple(self.query.order_by)
        known = (*NEWEST_FIRST, *OLDEST_FIRST)
        if order not in known or not self.query.standard_ordering or self.query.extra_order_by:
            raise Unanswerable(f"a broker lists jobs by `when`, not by {', '.join(map(str, order))}")
        terms = read(self.query.where).reading_errors(self.desk.reads_messages)
        return terms.in_order(order in OLDEST_FIRST)

    @property
    def queue(self) -> str:
        """Whose jobs they are."""
        return self._queue_of(self.terms)

    def search(self, text: str) -> "BrokerQuerySet":
        """Those with this text in their id or their task's name."""
        return self.filter(Q(job_id__icontains=text) | Q(task__icontains=text))

    def _fetch_all(self) -> None:
        if self._result_cache is None:
            self._result_cache = list(self._rows())

    def _rows(self) -> Iterator[Job]:
        if self.query.is_empty():
            return
        terms, low, high = self.terms, self.query.low_mark, self.query.high_mark
        if terms.keys is not None:
            yield from self._picked(terms)
            return
        queue, high = self._queue_of(terms), WINDOW if high is None else high
        rows = self._sieved(low, high) if terms.sieve else self.desk.rows(queue, terms.query, low, high)
        yield from (Job.of(queue, snapshot) for snapshot in rows)

    def _sieved(self, low: int, high: int) -> Iterator[Snapshot]:
        ids = [one.job_id for one in self.errors().rows[low:high]]
        found = self.desk.known(self.queue, ids)
        yield from (found[job_id] for job_id in ids if job_id in found)

    def errors(self) -> Errors:
        """All of these jobs that the broker looks at, with their last errors."""
        terms = self.terms
        return self.desk.errors(self._queue_of(terms), terms.query, terms.sieve)

    def _first(self, terms: Terms) -> Page:
        return self.desk.first(self._queue_of(terms), terms.query)

    def _picked(self, terms: Terms) -> Iterator[Job]:
        for key in terms.keys or ():
            queue, _, job_id = key.partition(":")
            snapshot = self.desk.get(queue, job_id) if terms.queue in ("", queue) else None
            if snapshot and snapshot.state in terms.query.states:
                yield Job.of(queue, snapshot)

    def _queue_of(self, terms: Terms) -> str:
        return terms.queue or next(iter(self.desk.queues), "")

    def count(self) -> int:
        """How many jobs: exact inside the window that the broker looks at."""
        if self._result_cache is not None:
            return len(self._result_cache)
        if self.query.is_empty() or self.query.is_sliced or self.terms.keys is not None:
            return len(self)
        terms = self.terms
        return len(self.errors().rows) if terms.sieve else self.desk.total(self._queue_of(terms), terms.query)

    @property
    def capped(self) -> bool:
        """Whether there is more than the broker looked at."""
        terms = self.terms
        return not self.query.is_empty() and (self.errors() if terms.sieve else self._first(terms)).capped

    def by_state(self) -> dict[State, int]:
        """How many of these jobs are in each state."""
        terms = self.terms
        if terms.sieve:
            return dict(Counter(one.state for one in self.errors().rows))
        return dict(self.desk.by_state(self._queue_of(terms), terms.query))

    def by_task(self) -> Counter[str] | None:
        """How many of these jobs each task has; None unless all are at hand."""
        terms = self.terms
        if terms.sieve:
            return Counter(one.task for one in self.errors().rows)
        if self.desk.total(self._queue_of(terms), terms.query) > ROWS:
            return None
        return Counter(row.job.task for row in self._first(terms).rows)

    def aggregate(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The bounds of `when`, for the date hierarchy; see `Desk.bounds`."""
        if args or not all(type(one) in (Min, Max) and _named(one) == "when" for one in kwargs.values()):
            raise Unanswerable("a broker knows Min and Max of `when`, and nothing else")
        oldest, newest = self._bounds()
        return {name: newest if type(one) is Max else oldest for name, one in kwargs.items()}

    def _bounds(self) -> tuple[datetime | None, datetime | None]:
        terms = self.terms
        if terms.sieve:
            times = [one.shown_ms for one in self.errors().rows]
            found = (min(times), max(times)) if times else None
        else:
            found = None if self.query.is_empty() else self.desk.bounds(self._queue_of(terms), terms.query)
        return (moment(found[0]), moment(found[1])) if found else (None, None)

    def datetimes(self, field_name: str, kind: str, *args: Any, **kwargs: Any) -> Any:
        """Every year, month or day between the bounds of `when`, with jobs or without: nothing is scanned."""
        if field_name != "when" or kind not in _STEPS or args or kwargs:
            raise Unanswerable(f"a broker knows the {', '.join(_STEPS)} of `when`, and nothing else")
        oldest, newest = self._bounds()
        return list(_between(oldest, newest, kind)) if newest and oldest else []


_STEPS = {"year": 366, "month": 31, "day": 1}  # from a start, so many days lead into the next


def _named(aggregate: models.Aggregate) -> str:
    (source,) = aggregate.get_source_expressions()[:1]
    return str(getattr(source, "name", ""))


def _between(oldest: datetime, newest: datetime, kind: str) -> Iterator[datetime]:
    at = _start(oldest, kind)
    while at <= newest:
        yield at
        at = _start(at + timedelta(days=_STEPS[kind]), kind)


def _start(at: datetime, kind: str) -> datetime:
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if kind == "day" else midnight.replace(day=1, month=1 if kind == "year" else at.month)
