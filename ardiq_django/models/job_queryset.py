"""What is said to the jobs' table in SQL."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, Lookup
from django.db.models.expressions import RawSQL
from django.db.models.sql.compiler import SQLCompiler

from ardiq_django.models.dialects import Dialect, dialect
from ardiq_django.models.dialects.base import READY, SUSPECT
from ardiq_django.models.listing import ENDED, LANES, LIVE, OLDEST, PAUSED, WAITING, Listing, last_runs
from ardiq_django.models.rows import Claimed, Hand, Intake
from ardiq_django.results import State
from ardiq_django.snapshot import SCANNED, Query, Totals
from ardiq_django.wire import StagedJob, Succeeded, pack

if TYPE_CHECKING:
    from ardiq_django.models.job import Job

NAME_LENGTH = 255
MUTABLE = (
    "state", "due_ms", "expires_ms", "tries", "crashes", "requeues", "epoch", "claim", "worker", "start_ms",
    "finish_ms", "ttl_ms", "reason", "abort_asked", "has_history",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Listed:
    """The keys of a page, in its order, and how many rows match among those scanned."""

    keys: Sequence[int]
    totals: Totals


class Literally(Lookup):
    """A condition written out, for an index on part of the table is used only where its own is seen.

    As a lookup it stands in the statement as it is; of a bare expression MySQL would hear that it is to equal TRUE,
    which no index can help with.
    """

    prepare_rhs = False

    def __init__(self, condition: str) -> None:
        super().__init__(RawSQL(condition, (), output_field=BooleanField()), True)  # noqa: S611 (of ours, never a value)

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[str | int, ...]]:
        sql, _ = compiler.compile(self.lhs)
        return sql, ()


def intake(job: StagedJob) -> Intake:
    """The columns of a staged job."""
    return Intake(
        job.id, pack(job), job.task[:NAME_LENGTH], job.lane,
        job.delay_ms, job.schedule_ms, job.expire_ms, job.enqueued_ms, job.unique_for_ms,
    )  # fmt: skip


class JobQuerySet(models.QuerySet["Job"]):
    """The verbs of the jobs' table. Each is one statement, or for MySQL a few in the transaction of its caller."""

    @property
    def _dialect(self) -> Dialect:
        return dialect(connections[self.db])

    def stage(self, queue: str, jobs: Sequence[StagedJob], skew_ms: int) -> list[str]:
        """Store the jobs whose id is free, queued or scheduled by the database's clock; returns these ids."""
        return self._dialect.stage(queue, [intake(job) for job in jobs], skew_ms)

    def take_ready(self, hand: Hand, lane: str, limit: int) -> list[Claimed]:
        """Hand out the first jobs of a lane, in the order they stood."""
        return list(map(Claimed._make, sorted(self._dialect.take(hand, READY, (hand.queue, lane, hand.now_ms, limit)))))

    def take_suspect(self, hand: Hand) -> list[Claimed]:
        """Hand out one job that has crashed a worker."""
        return list(map(Claimed._make, self._dialect.take(hand, SUSPECT, (hand.queue, hand.now_ms))))

    def suspects(self) -> int:
        """How many of these wait and have crashed a worker; a thousand are as good as more."""
        return self.filter(Literally("state = 'queued' AND crashes > 0"))[:1_000].count()

    def succeed(self, hand: Hand, outcomes: Sequence[Succeeded]) -> list[str]:
        """Write the successes of what this hand still holds; returns the ids of these."""
        return self._dialect.succeed(hand, outcomes)

    def promote(self, queue: str, now_ms: int, limit: int) -> int:
        """Queue what is due; returns how many."""
        return self._dialect.promote(queue, now_ms, limit)

    def rewrite(self, jobs: Iterable["Job"]) -> None:
        """Write back the moving columns of rows that were locked in this transaction."""
        columns = ", ".join(f"{name} = %s" for name in MUTABLE)
        sql = f"UPDATE ardiq_job SET {columns} WHERE id = %s"  # noqa: S608
        self._dialect.change_each(sql, [(*(getattr(job, name) for name in MUTABLE), job.pk) for job in jobs])

    def locked(self, *, skip_locked: bool = False) -> "JobQuerySet":
        """These rows, for update, without their results; in one order for all, so that nobody waits in a circle."""
        return self.defer("value").order_by(*self._dialect.lock_order).select_for_update(skip_locked=skip_locked)

    def held_by(self, epoch: str) -> "JobQuerySet":
        """What a worker runs."""
        return self.filter(Literally("state = 'running'"), epoch=epoch)

    def lapsed(self, now_ms: int) -> "JobQuerySet":
        """What waits although the window it had to start in is over."""
        window = Literally("state IN ('scheduled', 'queued') AND expires_ms > 0")
        return self.filter(window, expires_ms__lte=now_ms).order_by("expires_ms")

    def ended(self, state: State) -> "JobQuerySet":
        """Records of one end, newest first."""
        return self.filter(Literally("finish_ms > 0"), state=state).order_by("-finish_ms", "-pk")

    def live(self, queue: str) -> dict[str, int]:
        """How many jobs have not ended, by state; counted in the indexes of the live states."""
        return self._counted(LIVE, queue)

    def by_state(self, queue: str) -> dict[str, int]:
        """How many rows are in each state."""
        return self.live(queue) | self._counted(ENDED, queue)

    def _counted(self, conditions: Sequence[str], queue: str) -> dict[str, int]:
        part = "SELECT state, COUNT(*) FROM ardiq_job WHERE queue = %s AND {} GROUP BY state"
        sql = " UNION ALL ".join(part.format(condition) for condition in conditions)
        found = Counter[str]()
        for state, number in self._dialect.rows(sql, [queue] * len(conditions)):
            found[state] += number
        return found

    def begin_writing(self) -> None:
        """From here on nobody else writes, where the database has one writer at a time."""
        self._dialect.begin_writing()

    def count_waiting(self, queue: str, most: int, now_ms: int | None = None) -> int:
        """How many jobs wait; of each kind no more than `most` are counted. With `now_ms` without those whose window is
        over then."""
        inside = "" if now_ms is None else " AND expires_ms NOT BETWEEN 1 AND %s"
        of_kind = f"FROM ardiq_job WHERE queue = %s AND {{}}{inside} LIMIT %s"
        kinds = [f"SELECT * FROM (SELECT 1 {of_kind.format(kind)}) AS kind_{n}" for n, kind in enumerate(WAITING)]  # noqa: S608
        values = (queue, most) if now_ms is None else (queue, now_ms, most)
        ((number,),) = self._dialect.rows(f"SELECT COUNT(*) FROM ({' UNION ALL '.join(kinds)}) AS waiting", values * 3)  # noqa: S608
        return int(number)

    def waiting(self) -> "list[JobQuerySet]":
        """What is scheduled, retrying or queued, one queryset for each index."""
        return [self.filter(Literally(condition)) for condition in WAITING]

    def purge(self, keys: Sequence[int]) -> int:
        """Remove these rows and their attempts; returns how many rows went."""
        if not keys:
            return 0
        places = ", ".join(["%s"] * len(keys))
        self._dialect.changed(f"DELETE FROM ardiq_attempt WHERE job_id IN ({places})", keys)  # noqa: S608
        return self._dialect.changed(f"DELETE FROM ardiq_job WHERE id IN ({places})", keys)  # noqa: S608

    def last_runs(self, queue: str, task: str, depth: int, limit: int) -> list[tuple[str, str, int, int]]:
        """Id, state, start and finish of the newest rows of a task that an attempt ended, among the newest of each."""
        return self._dialect.rows(*last_runs(queue, task, depth, limit))

    def errors(self, queue: str, query: Query, depth: int) -> tuple[list[tuple[str, str, str, int, str, str]], bool]:
        """Id, task, state, time, type and message of the last error of each row; whether there was more to scan."""
        if not query.states:
            return [], False
        listing = Listing(queue, query, ())
        if query.is_narrowed:
            return self._dialect.rows(*listing.errors(depth)), bool(self._totals(listing, depth).capped)
        rows = self._dialect.rows(*listing.errors(depth + 1))  # one more tells that there is more
        seen, kept = Counter[str](), []
        for row in rows:
            seen[row[2]] += 1
            kept += [row] if seen[row[2]] <= depth else []
        return kept, len(kept) < len(rows)

    def vitals(self, queue: str, most: int) -> tuple[Totals, int | None, bool]:
        """How many rows are in each state, when the first of those queued was due, and whether the queue is paused."""
        listing = Listing(queue, Query(), None)
        rows = self._dialect.rows(*listing.vitals(most + 1))
        told = {branch: number for branch, number, _ in rows}
        totals = _totals(listing, [row for row in rows if row[0] >= 0], most)
        return totals, None if told[OLDEST] is None else int(told[OLDEST]), bool(told[PAUSED])

    def totals(self, queue: str, query: Query, most: int) -> Totals:
        """How many rows of a query are in each of its states; of each index no more than `most` are looked at."""
        if not query.states:
            return Totals({})
        listing = self._listing(queue, query) if query.is_narrowed else Listing(queue, query, None)
        return self._totals(listing, most)

    def listed(self, queue: str, query: Query) -> Listed:
        """One page of a list."""
        if not query.states:
            return Listed((), Totals({}))
        listing = self._listing(queue, query)
        keys = [key for (key,) in self._dialect.rows(*listing.page())]
        return Listed(keys, self._totals(listing, SCANNED) if query.wants_total else Totals({}))

    def _listing(self, queue: str, query: Query) -> Listing:
        found = self._dialect.rows(LANES, (queue, queue)) if State.QUEUED in query.states else []
        return Listing(queue, query, [lane for (lane,) in found])

    def _totals(self, listing: Listing, most: int) -> Totals:
        rows = self._dialect.rows(*listing.totals(most + 1))  # one more tells that there is more
        return _totals(listing, rows, most)


def _totals(listing: Listing, rows: Iterable[tuple[int, int, int]], most: int) -> Totals:
    states = listing.states()
    by_state, capped = dict.fromkeys(states, 0), list[State]()
    for branch, scanned, matching in rows:
        by_state[states[branch]] += min(int(matching), most)
        capped += [states[branch]] if scanned > most else []
    return Totals(by_state, capped)
