"""What MySQL and MariaDB are asked."""

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from ardiq_django.models.dialects.base import TAKE, Dialect
from ardiq_django.models.rows import CLAIMED, STAGED, Hand, Intake, Row
from ardiq_django.wire import Succeeded

# A state at a time: only so does its index have the order.
DUE_BY_STATE = [
    f"SELECT id FROM ardiq_job FORCE INDEX (ardiq_job_waiting) WHERE queue = %s AND state = '{state}' "  # noqa: S608
    "AND due_ms <= %s ORDER BY due_ms LIMIT %s FOR UPDATE SKIP LOCKED"
    for state in ("scheduled", "retrying")
]
# What else IGNORE would let pass cannot happen: names are checked, and texts are cut to fit.
STAGE = f"INSERT IGNORE INTO ardiq_job ({STAGED}) VALUES ({', '.join(['%s'] * 10)})"  # noqa: S608


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

    def begin_writing(self) -> None:
        """Nothing: many write at once."""

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

    def write_receipt(self, digest: str, title: str, ttl_ms: int) -> bool:
        sql = f"INSERT IGNORE INTO ardiq_receipt (digest, title, expires_ms) VALUES (%s, %s, {self.clock} + %s)"  # noqa: S608
        return bool(self.changed(sql, (digest, title, ttl_ms)))
