"""How queues stand: what waits in them and for how long, what runs, and who serves them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.moments import duration
from ardiq_django.exceptions import ArdiqError
from ardiq_django.operating.reach import apps_named, echo
from ardiq_django.operating.report import Report
from ardiq_django.operating.sheet import Column, Sheet, Tone, iso, plain
from ardiq_django.results import ENDED, State
from ardiq_django.snapshot import WorkerRow
from ardiq_django.states import WAITING

ENDS = tuple(state for state in State if state in ENDED)
UNREAD, UNSERVED = 1, 3


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One registered worker; `running` is the number of jobs in its hands."""

    row: WorkerRow
    running: int

    @property
    def is_alive(self) -> bool:
        return self.row.lease_end_ms > self.row.now_ms

    def document(self) -> dict[str, Any]:
        card = self.row.card
        return {
            "worker": card.worker_id,
            "host": card.host,
            "pid": card.pid,
            "slots": card.concurrency,
            "running": self.running,
            "rss_bytes": self.row.news.rss_bytes,
            "started": iso(card.started_ms),
            "lease_end": iso(self.row.lease_end_ms),
            "alive": self.is_alive,
        }


@dataclass(frozen=True, slots=True)
class QueueStatus:
    """One queue. Where `problem` says why it cannot be read, the rest is empty."""

    queue: str
    address: str
    problem: str = ""
    is_paused: bool = False
    counts: Mapping[State, int] = field(default_factory=dict)
    workers: Sequence[WorkerStatus] = ()
    oldest_wait_ms: int | None = None  # of what is queued; None where nothing is

    @property
    def waiting(self) -> int:
        return sum(self.counts.get(state, 0) for state in WAITING)

    @property
    def alive(self) -> list[WorkerStatus]:
        return [worker for worker in self.workers if worker.is_alive]

    @property
    def is_unserved(self) -> bool:
        """Whether jobs wait and nobody will run them."""
        return self.waiting > 0 and not self.alive

    def document(self) -> dict[str, Any]:
        return {
            "queue": self.queue,
            "broker": self.address,
            "problem": self.problem,
            "paused": self.is_paused,
            "counts": {state.value: self.counts[state] for state in State if state in self.counts},
            "oldest_wait_ms": self.oldest_wait_ms,
            "workers": [worker.document() for worker in self.workers],
        }


class Status(Report):
    """How some queues stand."""

    def __init__(self, queues: Sequence[QueueStatus]) -> None:
        self.queues = queues

    @property
    def exit_code(self) -> int:
        if any(one.problem for one in self.queues):
            return UNREAD
        return UNSERVED if any(one.is_unserved for one in self.queues) else 0

    def document(self) -> dict[str, Any]:
        return {"queues": [one.document() for one in self.queues]}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        for place, one in enumerate(self.queues):
            if place:
                yield ""
            yield from _lines(one, sheet)


def status(names: Sequence[str]) -> Status:
    """Look at these queues, or at all declared ones; one that cannot be read does not hide the others."""
    return Status([_looked_at(app) for app in apps_named(names)])


def _looked_at(app: Ardiq) -> QueueStatus:
    try:
        echo(app)
        # at a page somebody waits; here it may take the time to count them all
        return replace(look(app), counts=app.broker.run_sync(app.broker.counts()))
    except ArdiqError as error:
        return QueueStatus(app.queue_name, app.broker.shown_address, problem=str(error))


def look(app: Ardiq) -> QueueStatus:
    """How one queue stands; raises `BrokerError` where its broker does not tell."""
    return app.broker.run_sync(_look(app))


async def _look(app: Ardiq) -> QueueStatus:
    vitals, rows = await app.broker.vitals(), await app.broker.workers()
    return QueueStatus(
        app.queue_name,
        app.broker.shown_address,
        is_paused=vitals.is_paused,
        counts=vitals.counts,
        workers=[WorkerStatus(row, vitals.held.get(row.card.epoch, 0)) for row in rows],
        oldest_wait_ms=vitals.oldest_wait_ms,
    )


def _lines(one: QueueStatus, sheet: Sheet) -> Iterator[str]:
    yield f"{one.queue}  {one.address}  {_mood(one, sheet)}"
    if one.problem:
        yield from (f"  {line}" for line in sheet.wrapped(one.problem, "  "))
        return
    oldest = "" if one.oldest_wait_ms is None else f"   the oldest for {duration(one.oldest_wait_ms)}"
    yield f"  waiting  {_counted(one, (State.QUEUED, State.SCHEDULED, State.RETRYING))}{oldest}"
    yield f"  running  {one.counts[State.RUNNING]:,}"
    yield f"  ended    {_counted(one, ENDS)}"
    for title, line in zip(["workers", *[""] * len(one.workers)], _workers(one, sheet), strict=False):
        yield f"  {title:7}  {line}"


def _mood(one: QueueStatus, sheet: Sheet) -> str:
    if one.problem:
        return sheet.paint(Tone.BAD, "cannot be read")
    if one.is_paused:
        return sheet.paint(Tone.DOUBTFUL, "paused")
    if one.is_unserved:
        return sheet.paint(Tone.BAD, "nobody serves it")
    return sheet.paint(Tone.GOOD, "served") if one.alive else "no worker"


def _counted(one: QueueStatus, states: Sequence[State]) -> str:
    return " · ".join(f"{one.counts[state]:,} {state}" for state in states)


def _workers(one: QueueStatus, sheet: Sheet) -> list[str]:
    if not one.workers:
        return ["none"]
    rows = one.workers
    columns = [
        Column("worker", [plain(worker.row.card.worker_id) for worker in rows], is_cut=True),
        Column("host", [plain(worker.row.card.host) for worker in rows], is_cut=True),
        Column("pid", [str(worker.row.card.pid) for worker in rows], is_right=True),
        Column("running", [f"{worker.running} of {worker.row.card.concurrency}" for worker in rows]),
        Column("up", [_up(worker) for worker in rows]),
    ]
    return Sheet(sheet.width - 11).table(columns)


def _up(worker: WorkerStatus) -> str:
    row = worker.row
    if worker.is_alive:
        return duration(row.now_ms - row.card.started_ms)
    return f"lost: its lease ended {duration(row.now_ms - row.lease_end_ms)} ago"
