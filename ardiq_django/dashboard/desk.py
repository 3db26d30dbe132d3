"""The desk at which one request reads the brokers: each question is asked once, and none after a broker failed."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.translation import gettext as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.brokers.base import Broker
from ardiq_django.brokers.durability import Durability
from ardiq_django.clock import now_ms
from ardiq_django.dashboard.jobs.job import shown_ms
from ardiq_django.declared import get_app
from ardiq_django.exceptions import ArdiqError
from ardiq_django.operating.sieve import Sieve
from ardiq_django.operating.status import QueueStatus, look
from ardiq_django.results import State
from ardiq_django.snapshot import SCANNED, Erred, Errors, Page, Query, Ran, Snapshot, Totals, Vitals, WorkerRow
from ardiq_django.statistics import Point, Resolution
from ardiq_django.surroundings import around
from ardiq_django.wire import StagedJob

T = TypeVar("T")
Ask = Callable[[Broker], Coroutine[Any, Any, T]]
ROWS = 50  # of a change list's page
WINDOW = SCANNED  # rows of one list that may be paged through
LATER = (State.SCHEDULED, State.RETRYING)
NOTHING = Page((), 0)


class Desk:
    """What one request has read. Lists that cannot be read are empty, and `problem` says why."""

    def __init__(self) -> None:
        self.now_ms = now_ms()
        self.problem = ""
        self.reads_messages = False  # whether errors are searched by what they said, too
        self._errors: dict[tuple[str, Query], Errors] = {}
        self._totals: dict[tuple[str, Query], Totals] = {}
        self._firsts: dict[tuple[str, Query], Page] = {}
        self._workers: dict[str, Sequence[WorkerRow]] = {}
        self._points: dict[tuple[str, Resolution, int], tuple[int, Sequence[Point]]] = {}
        self._vitals: dict[str, Vitals] = {}
        self._unread: set[str] = set()

    @cached_property
    def queues(self) -> list[str]:
        """The declared queues, the first one first."""
        try:
            return around().declared_queues()
        except ArdiqError as error:
            self.problem = str(error)
            return []

    def app(self, queue: str) -> Ardiq | None:
        """The app of a declared queue, of the first one where none is named; None for any other, or for a `problem`."""
        name = queue or next(iter(self.queues), "")
        try:
            app = get_app(name) if name in self.queues else None
            return app if app and app.options else None
        except ArdiqError as error:
            self.problem = str(error)
            return None

    def states(self, queue: str) -> Mapping[State, int] | None:
        """How many jobs of a declared queue are in each state; None if it cannot be read, which hides no other one."""
        if "statuses" in self.__dict__:
            status = next(one for one in self.statuses if one.queue == queue)
            return None if status.problem else status.counts
        if queue in self._vitals:
            return self._vitals[queue].counts
        if (known := self._totals.get(_first_of(queue, Query(), tuple(State)))) is not None:
            return known.by_state
        app = None if queue in self._unread else self.app(queue)
        try:
            return app.broker.run_sync(app.broker.count(Query())).by_state if app else None
        except ArdiqError:
            self._unread.add(queue)
            return None

    def first(self, queue: str, query: Query) -> Page:
        """The first page of a query, with its total: what happens now, then what waits for its time."""
        pages = [self._first(queue, part) for part in in_order(query)]
        rows = [row for page in pages for row in page.rows]
        return Page(rows[:ROWS], sum(page.total for page in pages), any(page.capped for page in pages))

    def _first(self, queue: str, query: Query) -> Page:
        key = _first_of(queue, query, query.states)
        if key not in self._firsts:
            self._firsts[key] = self._page(*key) if query.is_narrowed else self._with_totals(*key)
        return self._firsts[key]

    def _with_totals(self, queue: str, query: Query) -> Page:
        # which are asked for in any case, for all states at once
        page, found = self._page(queue, replace(query, wants_total=False)), self.by_state(queue, query)
        return replace(page, total=_inside(found), capped=any(number > WINDOW for number in found.values()))

    def total(self, queue: str, query: Query) -> int:
        """How many rows a query has, of each state those within the window."""
        return self.first(queue, query).total if query.is_narrowed else _inside(self.by_state(queue, query))

    def failures(self, queue: str, number: int) -> Sequence[Erred]:
        """The jobs that failed last."""
        return self.read(queue, lambda broker: broker.errors(Query((State.FAILED,)), number), Errors(())).rows

    def rows(self, queue: str, query: Query, low: int, high: int) -> Sequence[Snapshot]:
        """The rows from `low` to before `high`, within the window."""
        high, before, found = min(high, WINDOW), 0, list[Snapshot]()
        for part in in_order(query):
            total = self.total(queue, part)
            found += self._slice(queue, part, max(0, low - before), min(high - before, total))
            before += total
        return found

    def _slice(self, queue: str, query: Query, low: int, high: int) -> Sequence[Snapshot]:
        if high <= ROWS:
            return self._first(queue, query).rows[low:high] if high > low else ()
        return self._page(queue, replace(query, offset=low, limit=max(0, high - low), wants_total=False)).rows

    def bounds(self, queue: str, query: Query) -> tuple[int, int] | None:
        """The times of the oldest and the newest row; None if there are none.

        Where the oldest is not at hand it is the time up to which ended jobs are kept: to look would be to scan."""
        firsts, app = [self._first(queue, part) for part in in_order(query)], self.app(queue)
        firsts = [first for first in firsts if first.rows]
        if not firsts or app is None:
            return None
        ends = [shown_ms(row) for first in firsts for row in (first.rows[0], first.rows[-1])]
        oldest, newest = min(ends), max(ends)
        if all(len(first.rows) >= first.total for first in firsts):
            return oldest, newest
        if query.oldest_first:
            return oldest, max(newest, self.now_ms, self._latest_ms(queue, query))
        kept = max(app.options.rules.kept_ms(state) for state in query.states)
        return min(max(query.since_ms, self.now_ms - kept), newest), newest

    def _latest_ms(self, queue: str, query: Query) -> int:
        """The last of the times to come."""
        parts = in_order(replace(query, oldest_first=False))
        rows = [row for part in parts if set(part.states) <= set(LATER) for row in self._first(queue, part).rows]
        return max(map(shown_ms, rows), default=0)

    def by_state(self, queue: str, query: Query) -> Mapping[State, int]:
        """How many rows of a query are in each of its states."""
        if not query.is_narrowed:
            found = self._total_of(queue, Query())
            return {state: found.get(state, 0) for state in query.states}
        known = self._counted(queue, query)
        rest = replace(query, states=tuple(state for state in query.states if state not in known))
        return {**known, **(self._total_of(queue, rest) if rest.states else {})}

    def _total_of(self, queue: str, query: Query) -> Mapping[State, int]:
        key = _first_of(queue, query, query.states)
        if key not in self._totals:
            self._totals[key] = self.read(queue, lambda broker: broker.count(query), Totals({}))
        return self._totals[key].by_state

    def _counted(self, queue: str, query: Query) -> dict[State, int]:
        """What the pages that were read have told of a query, whichever of its states they show."""
        found: dict[State, int] = {}
        for (name, read), page in self._firsts.items():
            if _first_of(name, read, query.states) == _first_of(queue, query, query.states):
                found.update(page.by_state)
        return found

    def errors(self, queue: str, query: Query, sieve: Sieve) -> Errors:
        """The jobs of a query that the broker looks at and the sieve lets pass, each with its last error."""
        parts = [self._errors_of(queue, query, state) for state in query.states]
        rows = [one for part in parts for one in part.rows if sieve.holds(one)]
        rows.sort(key=lambda one: one.shown_ms, reverse=not query.oldest_first)
        return Errors(rows, any(part.capped for part in parts))

    def _errors_of(self, queue: str, query: Query, state: State) -> Errors:
        key, nothing = _first_of(queue, query, (state,)), Errors(())
        if key not in self._errors:
            self._errors[key] = self.read(queue, lambda broker: broker.errors(key[1]), nothing)
        return self._errors[key]

    def get(self, queue: str, job_id: str) -> Snapshot | None:
        """One job; None if it is unknown, or for a `problem`."""
        return self.read(queue, lambda broker: broker.get(job_id), None) if queue else None

    def known(self, queue: str, ids: Sequence[str]) -> Mapping[str, Snapshot]:
        """Those of these jobs that are known; none of a queue that is not declared here."""
        nothing: Mapping[str, Snapshot] = {}
        return self.read(queue, lambda broker: broker.get_many(ids), nothing) if queue and ids else nothing

    def ahead(self, queue: str, job: StagedJob) -> int | None:
        """How many jobs stand before a queued one in its lane; None where these are very many, or for a `problem`."""
        return self.read(queue, lambda broker: broker.ahead(job), None)

    def last_runs(self, queue: str, task: str, number: int) -> Sequence[Ran]:
        """The newest runs of a task, newest first."""
        nothing: Sequence[Ran] = ()
        return self.read(queue, lambda broker: broker.last_runs(task, number), nothing)

    @cached_property
    def statuses(self) -> list[QueueStatus]:
        """How each declared queue stands; one that cannot be read says so and hides no other."""
        return [self._status(queue) for queue in self.queues]

    def _status(self, queue: str) -> QueueStatus:
        try:
            return look(get_app(queue))
        except ArdiqError as error:
            return QueueStatus(queue, "", problem=str(error))

    def points(self, queue: str, resolution: Resolution, since_ms: int, until_ms: int) -> Sequence[Point]:
        """The figures of each task in every bucket of a span of time; those of a part of it are then at hand."""
        key = queue, resolution, until_ms
        if key not in self._points or self._points[key][0] > since_ms:
            nothing: Sequence[Point] = ()
            found = self.read(queue, lambda broker: broker.points(resolution, since_ms, until_ms), nothing)
            self._points[key] = since_ms, found
        first_ms = resolution.start_ms(since_ms)
        return [point for point in self._points[key][1] if point.start_ms >= first_ms]

    def durability(self, queue: str) -> Durability | None:
        """What a crash of its broker may lose; None for a `problem`."""
        return self.read(queue, lambda broker: broker.durability(), None)

    def is_paused(self, queue: str) -> bool:
        """Whether nothing is handed out. Its vitals tell the counters above a page, too."""
        vitals = self.read(queue, lambda broker: broker.vitals(), None)
        if vitals:
            self._vitals[queue] = vitals
        return vitals is not None and vitals.is_paused

    def is_served(self, queue: str) -> bool:
        """Whether a worker is registered."""
        return bool(self.workers(queue))

    def workers(self, queue: str) -> Sequence[WorkerRow]:
        """The registered workers."""
        if queue not in self._workers:
            nobody: Sequence[WorkerRow] = ()
            self._workers[queue] = self.read(queue, lambda broker: broker.workers(), nobody)
        return self._workers[queue]

    def _page(self, queue: str, query: Query) -> Page:
        if not query.states:
            return NOTHING
        return self.read(queue, lambda broker: broker.page(query), NOTHING)

    def read(self, queue: str, ask: Ask[T], otherwise: T) -> T:
        """What its broker answers; `otherwise` for a `problem`."""
        app = self.app(queue)
        if self.problem or app is None:
            return otherwise
        try:
            return app.broker.run_sync(ask(app.broker))
        except ArdiqError as error:
            self._unread.add(app.queue_name)
            self.problem = _("Queue %(queue)s cannot be read: %(error)s") % {"queue": app.queue_name, "error": error}
            return otherwise


def in_order(query: Query) -> list[Query]:
    """The parts of a list, one below the other: what waits for a time to come does not hide what happens now."""
    apart = ([state for state in query.states if (state in LATER) is is_later] for is_later in (False, True))
    return [replace(query, states=tuple(states)) for states in apart if states]


def _inside(numbers: Mapping[State, int]) -> int:
    return sum(min(number, WINDOW) for number in numbers.values())


def _first_of(queue: str, query: Query, states: Sequence[State]) -> tuple[str, Query]:
    return queue, replace(query, states=tuple(states), offset=0, limit=ROWS)


def desk_of(request: HttpRequest) -> Desk:
    """The desk of a request."""
    desk: Desk = request.__dict__.setdefault("ardiq_desk", Desk())
    return desk
