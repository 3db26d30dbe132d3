"""What PostgreSQL is asked."""

from collections.abc import Sequence

import msgspec
from django.db.backends.utils import CursorWrapper

from ardiq_django.models.dialects.base import Dialect
from ardiq_django.models.rows import STAGED, Hand, Intake
from ardiq_django.wire import Succeeded

to_json = msgspec.json.Encoder().encode


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

    def begin_writing(self) -> None:
        """Nothing: many write at once."""

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
