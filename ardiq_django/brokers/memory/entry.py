"""What the memory broker remembers of a job and of a worker."""

from dataclasses import dataclass, field

from ardiq_django.results import State
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.stored import FRESH, Tally, deliver
from ardiq_django.wire import Command, End, News, StagedJob, Turn, WorkerCard


@dataclass(slots=True)
class Entry:
    """One job, wherever it stands."""

    job: StagedJob
    envelope: bytes
    state: State
    due_ms: int
    expires_ms: int
    ticket: int = 0  # its place in a lane; an older place is void
    tally: Tally = FRESH
    holder: str = ""  # the epoch that runs it
    claim: int = 0
    start_ms: int = 0
    abort_asked: bool = False
    end: End | None = None

    @property
    def shown_ms(self) -> int:
        """The time by which lists are ordered."""
        return self.end.finish_ms if self.end else self.start_ms or self.due_ms

    def is_unique_at(self, now_ms: int) -> bool:
        """Whether its id belongs to it although it has ended."""
        return self.end is not None and now_ms < self.end.finish_ms + self.job.unique_for_ms

    def matches(self, query: Query) -> bool:
        """Whether a page of `query` shows it."""
        return (
            (not query.task or self.job.task == query.task)
            and query.text.lower() in f"{self.job.id}\n{self.job.task}".lower()
            and query.since_ms <= self.shown_ms
            and (not query.until_ms or self.shown_ms < query.until_ms)
        )

    def snapshot(self, now_ms: int, worker: "Registration | None") -> Snapshot:
        """What is known of it; `worker` is who runs it."""
        end, news = self.end, worker.news if worker else News()
        return Snapshot(
            job=deliver(self.job.id, self.envelope, 0).job,
            state=self.state,
            now_ms=now_ms,
            tries=end.tries if end else self.tally.tries,
            crashes=self.tally.crashes,
            due_ms=self.due_ms,
            expires_ms=self.expires_ms,
            worker=end.worker if end else (worker.card.worker_id if worker else ""),
            start_ms=end.start_ms if end else news.starts.get(self.job.id, self.start_ms),
            progress=news.progress.get(self.job.id, ()),
            end=end,
            attempts=tuple(self.tally.history),
        )


@dataclass(slots=True)
class Registration:
    """One worker's epoch."""

    card: WorkerCard
    lease_end_ms: int
    call: int = 0
    turn: Turn = field(default_factory=lambda: Turn((), ()))
    mail: list[Command] = field(default_factory=list)
    news: News = field(default_factory=News)
    reported: int = 0  # the number of its last report of figures
