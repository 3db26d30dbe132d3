"""What every database is asked, in the words of SQLite; where another needs other words, its own dialect has them."""

import time
from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ardiq_django.models.rows import CLAIMED, STAGED, Hand, Intake, Row
from ardiq_django.wire import Succeeded

# NOT BETWEEN: a comparison that could be of use to an index makes SQLite prepare the statement at every execution.
READY = (
    "SELECT id FROM ardiq_job WHERE queue = %s AND lane = %s AND state = 'queued' AND crashes = 0 "
    "AND expires_ms NOT BETWEEN 1 AND %s ORDER BY due_ms, id LIMIT %s"
)
SUSPECT = (
    "SELECT id FROM ardiq_job WHERE queue = %s AND state = 'queued' AND crashes > 0 "
    "AND expires_ms NOT BETWEEN 1 AND %s ORDER BY due_ms, id LIMIT 1"
)
DUE = (
    "SELECT id FROM ardiq_job WHERE queue = %s AND state IN ('scheduled', 'retrying') AND due_ms <= %s "
    "ORDER BY due_ms LIMIT %s"
)
TAKE = "UPDATE ardiq_job SET state = 'running', epoch = %s, claim = %s, worker = %s, start_ms = %s, abort_asked = FALSE"


class Dialect:
    """The statements as SQLite takes them: one writer at a time, so nothing is ever skipped."""

    clock = ""  # an expression for the time in milliseconds; "" where it is this host's
    lock = ""  # appended to a SELECT whose rows, of the table named w, are about to change
    lock_order: tuple[str, ...] = ("pk",)  # in which jobs are locked, so that nobody waits in a circle
    first_due = "(SELECT MIN(due_ms) FROM ardiq_job WHERE queue = %s AND state IN ('scheduled', 'retrying'))"
    first_expiry = (
        "(SELECT MIN(expires_ms) FROM ardiq_job WHERE queue = %s AND state IN ('scheduled', 'queued') "
        "AND expires_ms > 0)"
    )

    def __init__(self, connection: BaseDatabaseWrapper) -> None:
        self._connection = connection

    def now_ms(self) -> int:
        if not self.clock:
            return time.time_ns() // 1_000_000
        ((now,),) = self.rows(f"SELECT {self.clock}", ())
        return int(now)

    def cursor(self) -> CursorWrapper:
        """Where statements are told."""
        return self._connection.cursor()

    def rows(self, sql: str, params: Sequence[Any]) -> list[Row]:
        """The rows a statement returns."""
        with self.cursor() as cursor:
            cursor.execute(sql, params)
            return list(cursor.fetchall())

    def changed(self, sql: str, params: Sequence[Any]) -> int:
        """How many rows a statement changed."""
        with self.cursor() as cursor:
            cursor.execute(sql, params)
            return int(cursor.rowcount)

    def change_each(self, sql: str, params: Sequence[Row]) -> None:
        """The same statement for each row of parameters."""
        if params:
            with self._connection.cursor() as cursor:
                cursor.executemany(sql, params)

    def among(self, pick: str) -> str:
        """The condition that a row is one of those a SELECT of ids picks."""
        return f"id IN ({pick})"

    def hold(self, epoch: str) -> bool:
        """Lock a worker's row before it is read, where `lock` would lock what is read beside it; False if none."""
        return True

    def begin_writing(self) -> None:
        """Be the only writer for the rest of this transaction, so that what is read stays so; a transaction that had
        only read could not begin to write once others did."""
        self.changed("UPDATE ardiq_job SET id = id WHERE 1 = 0", ())

    def notify(self, notice: str) -> None:
        """Tell other processes once this transaction commits, where the database carries that: a queue's name, and
        which of its waiting are to wake. Nobody relies on it."""

    def stage(self, queue: str, jobs: Sequence[Intake], skew_ms: int) -> list[str]:
        """Insert the jobs whose id is free, and tell other processes of `<queue> work`; returns these ids."""
        now = self.now_ms() + skew_ms
        places = ", ".join([f"({', '.join(['%s'] * 10)})"] * len(jobs))
        sql = (
            f"INSERT INTO ardiq_job ({STAGED}) VALUES {places} ON CONFLICT (queue, job_id) DO NOTHING RETURNING job_id"  # noqa: S608
        )
        return [job_id for (job_id,) in self.rows(sql, [value for job in jobs for value in job.row(queue, now)])]

    def take(self, hand: Hand, pick: str, params: Sequence[Any]) -> list[Row]:
        """Hand out the rows that `pick` finds; returns them as `CLAIMED` says, in any order."""
        sql = f"{TAKE} WHERE {self.among(pick)} RETURNING {CLAIMED}"
        return self.rows(sql, (hand.epoch, hand.claim, hand.worker, hand.now_ms, *params))

    def promote(self, queue: str, now_ms: int, limit: int) -> int:
        """Queue what is due; returns how many."""
        sql = f"UPDATE ardiq_job SET state = 'queued' WHERE {self.among(DUE)}"  # noqa: S608
        return self.changed(sql, (queue, now_ms, limit))

    def succeed(self, hand: Hand, outcomes: Sequence[Succeeded]) -> list[str]:
        """Write the successes of what this hand still holds; returns the ids of these."""
        mark = self._mark
        places = ", ".join([f"({mark}, {mark}, {mark}, {mark}, {mark}, {mark})"] * len(outcomes))
        sql = (
            f"WITH done (job_id, claim, start_ms, finish_ms, ttl_ms, value) AS (VALUES {places}) "  # noqa: S608
            f"UPDATE ardiq_job SET state = 'succeeded', tries = tries + 1, worker = {mark}, start_ms = done.start_ms, "
            "finish_ms = done.finish_ms, ttl_ms = done.ttl_ms, value = done.value FROM done "
            f"WHERE ardiq_job.queue = {mark} AND ardiq_job.job_id = done.job_id AND ardiq_job.epoch = {mark} "
            "AND ardiq_job.claim = done.claim AND ardiq_job.state = 'running' RETURNING ardiq_job.job_id"
        )
        params = [
            value
            for one in outcomes
            for value in (one.delivery.job.id, one.delivery.claim, one.start_ms, one.finish_ms, one.ttl_ms, one.value)
        ]
        return [job_id for (job_id,) in self.rows(sql, [*params, hand.worker, hand.queue, hand.epoch])]

    def write_receipt(self, digest: str, title: str, ttl_ms: int) -> bool:
        """Insert a receipt that is kept so long; False if there is one, once whoever is writing it has ended."""
        sql = (
            f"INSERT INTO ardiq_receipt (digest, title, expires_ms) VALUES (%s, %s, {self.clock or '%s'} + %s) "  # noqa: S608
            "ON CONFLICT (digest) DO NOTHING"
        )
        here = () if self.clock else (self.now_ms(),)
        return bool(self.changed(sql, (digest, title, *here, ttl_ms)))

    @property
    def _mark(self) -> str:
        # Django turns every %s into ? by a regular expression, which takes a fifth of the time of a batch; but where
        # it keeps its log of queries, it must find %s.
        return "%s" if self._connection.queries_logged else "?"
