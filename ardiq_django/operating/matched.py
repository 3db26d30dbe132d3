"""An action on all jobs that a selection matches, batch by batch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from ardiq_django.ardiq import Ardiq
from ardiq_django.exceptions import BrokerError
from ardiq_django.operating.acted import Acted, QueueTally
from ardiq_django.operating.action import BATCH, PURGE, Action
from ardiq_django.operating.console import Console
from ardiq_django.operating.reach import reached
from ardiq_django.operating.selection import WINDOW, Selection
from ardiq_django.operating.sheet import number_of
from ardiq_django.results import State
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.wire import Answer


@dataclass(frozen=True, slots=True)
class Match:
    """The jobs of one queue that are meant, when they were counted."""

    app: Ardiq
    query: Query
    numbers: dict[State, int]
    is_capped: bool

    @property
    def total(self) -> int:
        return sum(self.numbers.values())

    def tally(self) -> QueueTally:
        return QueueTally(self.app.queue_name, self.total, self.is_capped)


def act_on_all(action: Action, names: Sequence[str], selection: Selection, console: Console, is_dry: bool) -> Acted:
    """Act on everything that matches now; never on more jobs than were counted and confirmed."""
    matches = [_count(app, selection) for app in reached(names)]
    if is_dry:
        return Acted(action, is_dry, [_foreseen(match) for match in matches])
    _confirm(action, {match.app.queue_name: match.total for match in matches}, console)
    tallies = [match.tally() for match in matches]
    try:
        for match, tally in zip(matches, tallies, strict=True):
            _act(action, match, tally, console)
    except BrokerError as error:
        done = sum(tally.answers[Answer.DONE] for tally in tallies)
        raise BrokerError(f"{error}; {number_of(done)} {action.done} until then, say it again for the rest") from error
    finally:
        console.clear()
    return Acted(action, is_dry, tallies)


def clear_waiting(names: Sequence[str], console: Console, is_dry: bool) -> Acted:
    """Remove every job that waits."""
    apps = reached(names)
    tallies = [QueueTally(app.queue_name, app.queue_size_sync()) for app in apps]
    if not is_dry:
        _confirm(PURGE, {tally.queue: tally.matched for tally in tallies}, console)
    for app, tally in zip(apps, tallies, strict=True):
        tally.answers[Answer.DONE] = tally.matched if is_dry else app.broker.run_sync(app.broker.clear())
    return Acted(PURGE, is_dry, tallies)


def _confirm(action: Action, numbers: dict[str, int], console: Console) -> None:
    total = sum(numbers.values())
    if total:
        by_queue = ", ".join(f"{queue}: {number:,}" for queue, number in numbers.items() if number)
        console.confirm_or_leave(f"{action.name} {number_of(total)} ({by_queue})")


def _count(app: Ardiq, selection: Selection) -> Match:
    async def count() -> Match:
        query = selection.query(await app.broker.now_ms())
        counts = await app.broker.counts()
        numbers = {state: counts[state] for state in selection.states if counts[state]}
        if not selection.is_narrowed:
            return Match(app, query, numbers, False)
        found = await app.broker.count(replace(query, states=tuple(numbers)))
        return Match(app, query, dict(found.by_state), bool(found.capped))

    return app.broker.run_sync(count())


def _foreseen(match: Match) -> QueueTally:
    tally = match.tally()
    tally.answers[Answer.DONE] = match.total
    return tally


def _act(action: Action, match: Match, tally: QueueTally, console: Console) -> None:
    for state, number in match.numbers.items():
        for ids in _ids(match.app, replace(match.query, states=(state,)), number):
            for answers in action.batches(match.app.broker, ids):
                tally.answers.update(answers)
                tally.told += answers.count(Answer.DONE) if state is State.RUNNING else 0
                console.progress(f"{action.doing} {match.app.queue_name}", tally.answers.total(), match.total)


def _ids(app: Ardiq, query: Query, number: int) -> Iterator[list[str]]:
    """At most so many ids, each once. What is acted on leaves the list, so that deeper jobs come into view: it is read
    again and again, until there is nothing new in it."""
    seen: set[str] = set()
    while len(seen) < number:
        found = list(islice(_unseen(app, query, seen), number - len(seen)))
        if not found:
            return
        yield found


def _unseen(app: Ardiq, query: Query, seen: set[str]) -> Iterator[str]:
    """The ids that are in view now and were not seen; now they are."""
    for row in in_view(app, query):
        if row.job.id not in seen:
            seen.add(row.job.id)
            yield row.job.id


def in_view(app: Ardiq, query: Query) -> Iterator[Snapshot]:
    """The jobs of a query that the broker looks at, newest first; read as they are wanted."""
    for offset in range(0, WINDOW, BATCH):
        rows = app.broker.run_sync(app.broker.page(replace(query, offset=offset, limit=BATCH))).rows
        yield from rows
        if not rows:
            return
