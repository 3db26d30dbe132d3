"""What each database is told in its own words: the clock, and the statements the hot path is made of.

Only names of ours are ever put into a statement's text; every value travels as a parameter. The live states stand
there as literals, because an index on part of a table is used only where its condition is seen in the text.
"""

import sqlite3
import time
from collections.abc import Sequence
from typing import Any

import msgspec
from django.db import transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ardiq_django.exceptions import ConfigError
from ardiq_django.models.rows import CLAIMED, STAGED, Hand, Intake, Row
from ardiq_django.wire import Succeeded

OLDEST_SQLITE = (3, 35, 0)
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
# Of MySQL: a state at a time, for only so does its index have the order.
DUE_BY_STATE = [
    f"SELECT id FROM ardiq_job FORCE INDEX (ardiq_job_waiting) WHERE queue = %s AND state = '{state}' "  # noqa: S608
    "AND due_ms <= %s ORDER BY due_ms LIMIT %s FOR UPDATE SKIP LOCKED"
    for state in ("scheduled", "retrying")
]
# Also of MySQL. What else IGNORE would let pass cannot happen: names are checked, and texts are cut to fit.
STAGE = f"INSERT IGNORE INTO ardiq_job ({STAGED}) VALUES ({', '.join(['%s'] * 10)})"  # noqa: S608
TAKE = "UPDATE ardiq_job SET state = 'running', epoch = %s, claim = %s, worker = %s, start_ms = %s, abort_asked = FALSE"
to_json = msgspec.json.Encoder().encode


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

    @property
    def _mark(self) -> str:
        # Django turns every %s into ? by a regular expression, which takes a fifth of the time of a batch; but where
        # it keeps its log of queries, it must find %s.
        return "%s" if self._connection.queries_logged else "?"


class PostgresDialect(Dialect):
    """Rows travel as one JSON text, which costs a fraction of arrays or of many parameters; bytes in it as base64.

    An array of the picked ids is what makes the planner take the index for both steps of a claim.
    """

    clock = "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS bigint)"
    lock = "FOR UPDATE OF w"

    def cursor(self) -> CursorWrapper:
        """Django puts the values into the text, so that nothing is ever prepared; planning takes most of the time of
        what is told again and again."""
        connection = self._connection
        connection.ensure_connection()
        if getattr(connection.connection, "prepare_threshold", None) is None:
            return connection.cursor()
        from psycopg import Cursor  # there is no other driver that has such a threshold

        return CursorWrapper(Cursor(connection.connection), connection)

    def among(self, pick: str) -> str:
        return f"id = ANY(ARRAY({pick} FOR UPDATE SKIP LOCKED))"

    def stage(self, queue: str, jobs: Sequence[Intake], skew_ms: int) -> list[str]:
        if len(jobs) == 1 and not jobs[0].schedule_ms:
            return self._stage_one(queue, jobs[0], skew_ms)
        sql = (
            f"WITH clock AS MATERIALIZED (SELECT {self.clock} + %s AS now) "  # noqa: S608
            f"INSERT INTO ardiq_job ({STAGED}) SELECT %s, job_id, decode(envelope, 'base64'), task, lane, "
            "CASE WHEN GREATEST(now + delay_ms, schedule_ms) > now THEN 'scheduled' ELSE 'queued' END, "
            "GREATEST(now + delay_ms, schedule_ms), CASE WHEN expire_ms > 0 THEN now + expire_ms ELSE 0 END, "
            "enqueued_ms, unique_for_ms FROM clock, ROWS FROM (json_to_recordset(CAST(%s AS json)) AS "
            "(job_id text, envelope text, task text, lane text, delay_ms bigint, schedule_ms bigint, expire_ms bigint, "
            "enqueued_ms bigint, unique_for_ms bigint)) WITH ORDINALITY AS job "
            "(job_id, envelope, task, lane, delay_ms, schedule_ms, expire_ms, enqueued_ms, unique_for_ms, place) "
            # a notice that is told twice in one transaction goes out once
            "ORDER BY place ON CONFLICT (queue, job_id) DO NOTHING RETURNING job_id, pg_notify('ardiq', %s)"
        )
        values = (skew_ms, queue, to_json(jobs).decode(), f"{queue} work")
        return [job_id for job_id, _ in self.rows(sql, values)]

    def _stage_one(self, queue: str, job: Intake, skew_ms: int) -> list[str]:
        # planned in half the time
        sql = (
            f"INSERT INTO ardiq_job ({STAGED}) VALUES (%s, %s, %s, %s, %s, %s, {self.clock} + %s, "  # noqa: S608
            f"CASE WHEN %s THEN {self.clock} + %s ELSE 0 END, %s, %s) "
            "ON CONFLICT (queue, job_id) DO NOTHING RETURNING job_id, pg_notify('ardiq', %s)"
        )
        state = "scheduled" if job.delay_ms else "queued"
        values = (
            queue, job.job_id, job.envelope, job.task, job.lane, state, skew_ms + job.delay_ms,
            bool(job.expire_ms), skew_ms + job.expire_ms, job.enqueued_ms, job.unique_for_ms, f"{queue} work",
        )  # fmt: skip
        return [job_id for job_id, _ in self.rows(sql, values)]

    def notify(self, notice: str) -> None:
        self.rows("SELECT pg_notify('ardiq', %s)", (notice,))

    def succeed(self, hand: Hand, outcomes: Sequence[Succeeded]) -> list[str]:
        # Each row is to be found in the unique index. Any join would be a choice for the planner, which without
        # statistics, or for a few thousand rows, likes to read a whole queue; IS NOT DISTINCT FROM finds no index.
        sql = (
            "WITH done AS MATERIALIZED (SELECT * FROM json_to_recordset(CAST(%s AS json)) AS one "
            "(job_id text, claim bigint, start_ms bigint, finish_ms bigint, ttl_ms bigint, value text)) "
            "UPDATE ardiq_job SET state = 'succeeded', tries = tries + 1, worker = %s, start_ms = done.start_ms, "
            "finish_ms = done.finish_ms, ttl_ms = done.ttl_ms, value = decode(done.value, 'base64') FROM done "
            "WHERE ardiq_job.id = ANY(ARRAY("
            "SELECT (SELECT id FROM ardiq_job WHERE queue = %s AND job_id = done.job_id) FROM done)) "
            "AND ardiq_job.job_id = done.job_id AND ardiq_job.claim = done.claim "
            "AND ardiq_job.epoch IS NOT DISTINCT FROM %s AND ardiq_job.state IS NOT DISTINCT FROM 'running' "
            "RETURNING ardiq_job.job_id"
        )
        done = [
            {
                "job_id": one.delivery.job.id,
                "claim": one.delivery.claim,
                "start_ms": one.start_ms,
                "finish_ms": one.finish_ms,
                "ttl_ms": one.ttl_ms,
                "value": one.value,
            }
            for one in outcomes
        ]
        return [job_id for (job_id,) in self.rows(sql, (to_json(done).decode(), hand.worker, hand.queue, hand.epoch))]


class MysqlDialect(Dialect):
    """MySQL and MariaDB return no rows from a write: they are picked and locked first, then written by their keys.

    A statement that writes where it searches would wait for every row it comes by, as would one whose search needs to
    be sorted; so each search here walks one index in its order, and where there is a choice of indexes is told which.
    """

    clock = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)"
    # that of the index which finds them; for any other it would rather walk, and lock, the whole table
    lock_order = ()
    # of one state it reads a single entry of the index, of two it would read all
    first_due = (
        "(SELECT MIN(first_ms) FROM "
        "(SELECT MIN(due_ms) AS first_ms FROM ardiq_job WHERE queue = %s AND state = 'scheduled' UNION ALL "
        "SELECT MIN(due_ms) FROM ardiq_job WHERE queue = %s AND state = 'retrying') AS dues)"
    )
    first_expiry = (
        "(SELECT MIN(first_ms) FROM (SELECT MIN(expires_ms) AS first_ms FROM ardiq_job "
        "WHERE queue = %s AND state = 'scheduled' AND expires_ms > 0 UNION ALL "
        "SELECT MIN(expires_ms) FROM ardiq_job WHERE queue = %s AND state = 'queued' AND expires_ms > 0) AS windows)"
    )

    def hold(self, epoch: str) -> bool:
        return bool(self.rows("SELECT id FROM ardiq_worker WHERE epoch = %s FOR UPDATE", (epoch,)))

    def stage(self, queue: str, jobs: Sequence[Intake], skew_ms: int) -> list[str]:
        now = self.now_ms() + skew_ms
        rows = [job.row(queue, now) for job in jobs]
        if len(rows) > 1 and self._stage_at_once(rows):
            return [job.job_id for job in jobs]
        return [job.job_id for job, row in zip(jobs, rows, strict=True) if self.changed(STAGE, row)]

    def _stage_at_once(self, rows: Sequence[Row]) -> bool:
        """Insert all these rows, or none. The driver makes statements of many rows, no longer than it may send."""
        with transaction.atomic(using=self._connection.alias), self._connection.cursor() as cursor:
            cursor.executemany(STAGE, rows)
            if cursor.rowcount < len(rows):  # which of them were known is told only one by one
                transaction.set_rollback(True, using=self._connection.alias)
                return False
        return True

    def take(self, hand: Hand, pick: str, params: Sequence[Any]) -> list[Row]:
        rows = f"SELECT {CLAIMED} FROM ardiq_job FORCE INDEX (ardiq_job_ready)"  # noqa: S608
        pick = pick.replace("SELECT id FROM ardiq_job", rows, 1)
        found = self.rows(f"{pick} FOR UPDATE SKIP LOCKED", params)
        self._write(TAKE, (hand.epoch, hand.claim, hand.worker, hand.now_ms), [row[1] for row in found])
        return found

    def promote(self, queue: str, now_ms: int, limit: int) -> int:
        keys = [key for pick in DUE_BY_STATE for (key,) in self.rows(pick, (queue, now_ms, limit))]
        return self._write("UPDATE ardiq_job SET state = 'queued'", (), keys)

    def _write(self, update: str, values: Row, keys: Sequence[int]) -> int:
        if not keys:
            return 0
        places = ", ".join(["%s"] * len(keys))
        return self.changed(f"{update} WHERE id IN ({places})", (*values, *keys))

    def succeed(self, hand: Hand, outcomes: Sequence[Succeeded]) -> list[str]:
        sql = (
            "UPDATE ardiq_job SET state = 'succeeded', tries = tries + 1, worker = %s, start_ms = %s, finish_ms = %s, "
            "ttl_ms = %s, value = %s "
            "WHERE queue = %s AND job_id = %s AND epoch = %s AND claim = %s AND state = 'running'"
        )
        written = []
        for one in outcomes:
            values = (one.start_ms, one.finish_ms, one.ttl_ms, one.value)
            job_id = one.delivery.job.id
            if self.changed(sql, (hand.worker, *values, hand.queue, job_id, hand.epoch, one.delivery.claim)):
                written.append(job_id)
        return written


_DIALECTS = {"sqlite": Dialect, "postgresql": PostgresDialect, "mysql": MysqlDialect}


def dialect(connection: BaseDatabaseWrapper) -> Dialect:
    """How to speak to this connection."""
    return _DIALECTS[connection.vendor](connection)


def check_vendor(vendor: str) -> None:
    """Raise `ConfigError` for a database that jobs cannot be kept in."""
    if vendor not in _DIALECTS:
        raise ConfigError(f"jobs cannot be kept in a {vendor} database; known: {', '.join(_DIALECTS)}")
    if vendor == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} cannot keep jobs: {oldest} or later is needed (RETURNING)")
