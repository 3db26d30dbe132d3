"""The desk at which one request reads the brokers: each question is asked once, and none after a broker failed."""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from django.http import HttpRequest
from django.utils.translation import gettext as _

from ardiq_django.ardiq import Ardiq, declared_apps
from ardiq_django.brokers.base import Broker
from ardiq_django.clock import now_ms
from ardiq_django.dashboard.terms import is_narrowed
from ardiq_django.exceptions import ArdiqError
from ardiq_django.results import State
from ardiq_django.wire import Page, Query, Snapshot, WorkerRow

T = TypeVar("T")
Ask = Callable[[Broker], Coroutine[Any, Any, T]]
ROWS = 100  # of a change list's page
WINDOW = 10_000  # rows of one list that may be paged through
NOTHING = Page((), 0)


class Desk:
    """What one request has read. Lists that cannot be read are empty, and `problem` says why."""

    def __init__(self) -> None:
        self.now_ms = now_ms()
        self.problem = ""
        self._counts: dict[str, Mapping[State, int]] = {}
        self._firsts: dict[tuple[str, Query], Page] = {}
        self._apps: list[Ardiq] | None = None

    @property
    def apps(self) -> list[Ardiq]:
        """The declared queues, the first one first."""
        if self._apps is None:
            try:
                self._apps = declared_apps()
            except ArdiqError as error:
                self._apps, self.problem = [], str(error)
        return self._apps

    @property
    def queues(self) -> list[str]:
        return [app.queue_name for app in self.apps]

    def app(self, queue: str) -> Ardiq | None:
        """The app of a declared queue; of the first one where none is named."""
        return next((app for app in self.apps if not queue or app.queue_name == queue), None)

    def counts(self, queue: str) -> Mapping[State, int]:
        """How many jobs are in each state."""
        if queue not in self._counts:
            self._counts[queue] = self._read(queue, lambda broker: broker.counts(), {})
        return self._counts[queue]

    def first(self, queue: str, query: Query) -> Page:
        """The first page of a query, with its total."""
        key = _first_of(queue, query, query.states)
        if key not in self._firsts:
            self._firsts[key] = self._page(*key)
        return self._firsts[key]

    def rows(self, queue: str, query: Query, low: int, high: int) -> Sequence[Snapshot]:
        """The rows from `low` to before `high`, within the window."""
        first, high = self.first(queue, query), min(high, WINDOW)
        if high <= len(first.rows) or len(first.rows) >= first.total:
            return first.rows[low:high]
        return self._page(queue, replace(query, offset=low, limit=max(0, high - low))).rows

    def bounds(self, queue: str, query: Query) -> tuple[Snapshot, Snapshot] | None:
        """The newest and the oldest row of a query; None if there are none."""
        first = self.first(queue, query)
        last = min(first.total, WINDOW)
        oldest = self.rows(queue, query, last - 1, last)
        return (first.rows[0], oldest[-1]) if first.rows and oldest else None

    def by_state(self, queue: str, query: Query) -> Mapping[State, int]:
        """How many rows of a query are in each of its states."""
        if not is_narrowed(query):
            return {state: number for state, number in self.counts(queue).items() if state in query.states}
        first = self._firsts.get(_first_of(queue, query, query.states))
        if first and len(first.rows) >= first.total:
            return Counter(row.state for row in first.rows)
        return self._totals(queue, query, first)

    def _totals(self, queue: str, query: Query, whole: Page | None) -> Mapping[State, int]:
        # the last one follows from the whole where that is known: a page must not cost more than ten calls
        asked = query.states[:-1] if whole else query.states
        known = {state: self._firsts.get(_first_of(queue, query, (state,))) for state in asked}
        missing = [state for state, page in known.items() if page is None]

        async def ask(broker: Broker) -> list[Page]:
            return list(await asyncio.gather(*(broker.page(replace(query, states=(s,), limit=1)) for s in missing)))

        found = dict(zip(missing, self._read(queue, ask, [NOTHING] * len(missing)), strict=True))
        totals = {state: (page or found[state]).total for state, page in known.items()}
        if whole:
            totals[query.states[-1]] = max(0, whole.total - sum(totals.values()))
        return totals

    def get(self, queue: str, job_id: str) -> Snapshot | None:
        """One job; None if it is unknown, or for a `problem`."""
        return self._read(queue, lambda broker: broker.get(job_id), None) if queue else None

    def is_paused(self, queue: str) -> bool:
        """Whether nothing is handed out."""
        return self._read(queue, lambda broker: broker.paused(), False)

    def is_served(self, queue: str) -> bool:
        """Whether a worker is registered."""
        nobody: list[WorkerRow] = []
        return bool(self._read(queue, lambda broker: broker.workers(), nobody))

    def _page(self, queue: str, query: Query) -> Page:
        if not query.states:
            return NOTHING
        return self._read(queue, lambda broker: broker.page(query), NOTHING)

    def _read(self, queue: str, ask: Ask[T], otherwise: T) -> T:
        app = self.app(queue)
        if self.problem or app is None:
            return otherwise
        try:
            return app.broker.run_sync(ask(app.broker))
        except ArdiqError as error:
            self.problem = _("Queue %(queue)s cannot be read: %(error)s") % {"queue": app.queue_name, "error": error}
            return otherwise


def _first_of(queue: str, query: Query, states: Sequence[State]) -> tuple[str, Query]:
    return queue, replace(query, states=tuple(states), offset=0, limit=ROWS)


def desk_of(request: HttpRequest) -> Desk:
    """The desk of a request."""
    desk: Desk = request.__dict__.setdefault("ardiq_desk", Desk())
    return desk
