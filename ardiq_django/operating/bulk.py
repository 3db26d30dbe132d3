"""An action on every job that a filter meets, bounded by a moment: what came into its state later is left alone."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from ardiq_django.ardiq import Ardiq
from ardiq_django.operating.action import ABORT, BATCH, PURGE, RETRY, RUN_NOW, Action
from ardiq_django.operating.matched import in_view
from ardiq_django.operating.sieve import Sieve
from ardiq_django.results import State
from ardiq_django.snapshot import Erred, Query, Snapshot
from ardiq_django.wire import Answer

ACTS = {action.name: action for action in (RETRY, RUN_NOW, ABORT, PURGE)}
LATER = (State.SCHEDULED, State.RETRYING)  # listed by a time to come
LOOKED_AT = 20  # refused jobs that are looked up for the reason
CHANGED, GONE = "changed", "gone"  # why a job was refused, beside the state it is in


@dataclass(slots=True)
class Tally:
    """What came of it so far. `refused` is by the state those jobs are in, `changed` where nobody looked, or `gone`."""

    done: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    @property
    def total(self) -> int:
        return self.done + self.refused.total()

    def document(self) -> dict[str, Any]:
        return {"done": self.done, "refused": dict(self.refused)}


@dataclass(frozen=True, slots=True)
class Matched:
    """How many jobs are meant, by state. `is_capped`: at least so many."""

    numbers: Mapping[State, int]
    is_capped: bool

    @property
    def total(self) -> int:
        return sum(self.numbers.values())


@dataclass(frozen=True, slots=True)
class Bulk:
    """The act. Done twice it does the rest: its verbs repeat harmlessly, and the moment stays the same."""

    action: Action
    query: Query
    as_of_ms: int  # by the broker's clock
    sieve: Sieve = field(default_factory=Sieve)

    @classmethod
    def read(cls, order: Mapping[str, Any]) -> "Bulk":
        """What `document` wrote; raises `ValueError` for an unknown verb, or for what was not written so."""
        action = ACTS.get(order.get("verb", ""))
        if action is None:
            raise ValueError(f"there is no act {order.get('verb')!r}; there are {', '.join(ACTS)}")
        query, sieve = (msgspec.convert(order.get(name, {}), type=kind) for name, kind in _PARTS)
        return cls(action, query, msgspec.convert(order.get("as_of_ms"), int), sieve)

    def document(self) -> dict[str, Any]:
        """Everything, in plain values."""
        parts = {name: msgspec.to_builtins(getattr(self, name)) for name, _ in _PARTS}
        return {"verb": self.action.name, "as_of_ms": self.as_of_ms, **parts}

    @property
    def states(self) -> Sequence[State]:
        """Those whose jobs are meant; the verb can do nothing in the others."""
        return [state for state in self.action.states if state in self.query.states]

    def count(self, app: Ardiq) -> Matched:
        """How many it would act on: exact, if the broker looks at all of them."""
        numbers, is_capped = {}, False
        for state in self.states:
            if self.sieve:
                found = app.broker.run_sync(app.broker.errors(self._query(state)))
                numbers[state], capped = sum(map(self.sieve.holds, found.rows)), found.capped
            else:
                page = app.broker.run_sync(app.broker.page(replace(self._query(state), limit=1)))
                numbers[state], capped = page.total, page.capped
            is_capped = is_capped or capped
        return Matched({state: number for state, number in numbers.items() if number}, is_capped)

    def act(self, app: Ardiq) -> Iterator[Tally]:
        """Do it; the same tally after each batch."""
        tally = Tally()
        for state in self.states:
            for ids in self._rounds(app, state):
                for first, answers in zip(range(0, len(ids), BATCH), self.action.batches(app.broker, ids), strict=True):
                    self._note(app, tally, dict(zip(ids[first : first + BATCH], answers, strict=True)))
                    yield tally

    def _rounds(self, app: Ardiq, state: State) -> Iterator[Sequence[str]]:
        # what is acted on leaves the list, so that deeper jobs come into view; what stays has had its turn
        before: set[str] = set()
        while True:
            view = [row.job.id for row in in_view(app, self._query(state)) if self._is_meant(row)]
            if not (fresh := [job_id for job_id in dict.fromkeys(view) if job_id not in before]):
                return
            yield fresh
            before = set(view)

    def _query(self, state: State) -> Query:
        if state in LATER:
            return replace(self.query, states=(state,))
        until_ms = self.as_of_ms + 1
        return replace(self.query, states=(state,), until_ms=min(self.query.until_ms or until_ms, until_ms))

    def _is_meant(self, row: Snapshot) -> bool:
        return (row.state not in LATER or _came_ms(row) <= self.as_of_ms) and self.sieve.holds(Erred.of(row))

    def _note(self, app: Ardiq, tally: Tally, answers: Mapping[str, Answer]) -> None:
        for job_id, answer in answers.items():
            if answer is Answer.DONE:
                tally.done += 1
            elif answer is Answer.GONE:
                tally.refused[GONE] += 1
            else:
                tally.refused[_state_of(app, job_id) if tally.refused.total() < LOOKED_AT else CHANGED] += 1


_PARTS: tuple[tuple[str, type[Any]], ...] = (("query", Query), ("sieve", Sieve))


def _came_ms(row: Snapshot) -> int:
    """When a job came to wait for its time."""
    return row.attempts[-1].finish_ms if row.state is State.RETRYING and row.attempts else row.job.enqueued_ms


def _state_of(app: Ardiq, job_id: str) -> str:
    found = app.broker.run_sync(app.broker.get(job_id))
    return found.state.value if found else GONE
