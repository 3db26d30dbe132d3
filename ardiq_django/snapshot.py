"""What a broker shows of its jobs and workers."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ardiq_django.lineage import counted
from ardiq_django.results import Attempt, State
from ardiq_django.wire import End, News, StagedJob, WorkerCard

# How far a broker looks, however many jobs there are.
SCANNED = 10_000  # jobs of a state that a list looks at
ERRORS_SCANNED = 2_000  # of a state, where their errors are read, too
COUNTED_MOST = 50_000  # jobs of a state, where a database counts them
AHEAD_MOST = 1_000
RUNS_SCANNED = 2_000  # so that a task that runs seldom, among many that do, costs no more than any other


@dataclass(frozen=True, slots=True)
class Ran:
    """One job that an attempt ended: how, and when that attempt ran."""

    job_id: str
    state: State
    start_ms: int
    finish_ms: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything the broker knows of one job, at `now_ms` by its clock."""

    job: StagedJob
    state: State
    now_ms: int
    tries: int = 0  # attempts spent, the running one not counted
    crashes: int = 0
    due_ms: int = 0
    expires_ms: int = 0
    worker: str = ""
    start_ms: int = 0
    progress: Sequence[Any] = ()
    end: End | None = None
    attempts: Sequence[Attempt] = ()

    @property
    def ran(self) -> Ran | None:
        """The attempt that ended it; None where none did."""
        end = self.end
        return Ran(self.job.id, end.state, end.start_ms, end.finish_ms) if end and end.start_ms else None

    @property
    def children(self) -> tuple[Sequence[str], int]:
        """The keys of jobs that its attempts enqueued, of each attempt the first, and how many more these were."""
        told = [one for attempt in self.attempts for one in attempt.children]
        return counted([*told, *(self.end.children if self.end else ())])


@dataclass(frozen=True, slots=True)
class Vitals:
    """How a queue stands, at one moment."""

    counts: Mapping[State, int]  # no state beyond `COUNTED_MOST` where counting costs
    is_paused: bool = False
    oldest_wait_ms: int | None = None  # since the first of those queued is due; None where none is
    held: Mapping[str, int] = field(default_factory=dict)  # how many jobs each epoch runs


@dataclass(frozen=True, slots=True)
class Query:
    """Which jobs a page shows, by the times they are listed by."""

    states: Sequence[State] = tuple(State)
    task: str = ""
    text: str = ""  # found in the id or the task's name
    since_ms: int = 0
    until_ms: int = 0
    offset: int = 0
    limit: int = 100
    wants_total: bool = True  # a page without tells of its rows alone, and may cost less
    oldest_first: bool = False  # else the newest

    @property
    def is_narrowed(self) -> bool:
        """Whether it names more than states."""
        return bool(self.task or self.text or self.since_ms or self.until_ms)


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of a `Query`; `total` is exact inside what was scanned, `capped` tells that there was more to scan.

    `by_state` is what the total is made of, where the broker has it at hand."""

    rows: Sequence[Snapshot]
    total: int
    capped: bool = False
    by_state: Mapping[State, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Totals:
    """How many jobs of a `Query` are in each of its states, of those scanned; those in `capped` had more to scan."""

    by_state: Mapping[State, int]
    capped: Collection[State] = ()

    @property
    def number(self) -> int:
        """Of all states together."""
        return sum(self.by_state.values())


@dataclass(frozen=True, slots=True)
class Erred:
    """One job with the error that it failed with, or is retried for; what else ended its last attempt, where there was
    none. `shown_ms` is when it failed, or is due again."""

    job_id: str
    task: str
    state: State
    shown_ms: int
    error: str = ""
    message: str = ""

    @classmethod
    def of(cls, one: Snapshot) -> "Erred":
        """The same, from all that is known."""
        shown_ms = one.end.finish_ms if one.end else one.due_ms
        last = one.attempts[-1] if one.attempts and one.state in WITH_ERRORS else None
        error, message = (last.error_type or last.event, last.message) if last else ("", "")
        return cls(one.job.id, one.job.task, one.state, shown_ms, error, message)


@dataclass(frozen=True, slots=True)
class Errors:
    """Rows of a `Query`, all that were scanned; `capped` tells that there was more to scan."""

    rows: Sequence[Erred]
    capped: bool = False


WITH_ERRORS = (State.FAILED, State.RETRYING)
ENDED_BY_ATTEMPTS = (State.SUCCEEDED, State.FAILED, State.ABORTED)


@dataclass(frozen=True, slots=True)
class WorkerRow:
    """One registered worker, as the admin shows it."""

    card: WorkerCard
    lease_end_ms: int
    now_ms: int
    news: News = field(default_factory=News)
