"""The statements of the hot path use their indexes, also where the database has no statistics of the table."""

import re
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from django.db import connections

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import new_epoch
from ardiq_django.wire import Exchange, News, WorkerCard
from tests.contract.makers import failure, success
from tests.database.conftest import job

BACKLOG = 12_000
Statement = tuple[str, Any]


@pytest.fixture
def backlog(broker: DatabaseBroker, alias: str) -> DatabaseBroker:
    """A queue of many jobs, of which the planner knows nothing."""
    for start in range(0, BACKLOG, 1_000):
        delays = [0 if number % 2 else 60_000 for number in range(start, start + 1_000)]
        broker.run_sync(broker.enqueue([job(delay_ms=delay, expire_ms=delay * 2) for delay in delays]))
    if alias == "postgres":
        with connections[alias].cursor() as cursor:
            cursor.execute("DELETE FROM pg_statistic WHERE starelid = 'ardiq_job'::regclass")
    return broker


@pytest.fixture
def said(alias: str) -> Iterator[list[Statement]]:
    """The statements about jobs that this thread says to the database."""
    statements: list[Statement] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if "ardiq_job" in sql and not sql.startswith(("EXPLAIN", "PREPARE")):
            statements.append((sql, params[0] if many else params))
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(listen):
        yield statements


def plan(alias: str, statement: Statement) -> str:
    """What the database means to do: on PostgreSQL by these values, and by any, as it does for prepared statements."""
    sql, params = statement
    if alias == "postgres":
        return f"{explained(alias, sql, params)}\n{prepared_plan(alias, sql, params)}"
    return explained(alias, sql, params)


def prepared_plan(alias: str, sql: str, params: Any) -> str:
    numbers = count(1)
    text = re.sub("%s", lambda _: f"${next(numbers)}", sql)
    with connections[alias].cursor() as cursor:
        cursor.execute("SET plan_cache_mode = force_generic_plan")
        cursor.execute(f"PREPARE planned AS {text.replace('%%', '%')}")
    try:
        given = ", ".join(["%s"] * len(params))
        return explained(alias, f"EXECUTE planned{f'({given})' if params else ''}", params)
    finally:
        with connections[alias].cursor() as cursor:
            cursor.execute("DEALLOCATE planned")
            cursor.execute("RESET plan_cache_mode")


def explained(alias: str, sql: str, params: Any) -> str:
    explain = "EXPLAIN QUERY PLAN" if alias == "default" else "EXPLAIN"
    with connections[alias].cursor() as cursor:
        cursor.execute(f"{explain} {sql}", params)
        if alias == "mariadb":
            names = [column[0] for column in cursor.description]
            said = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
            return "\n".join(f"{one['table']} by {one['type']} of {one['key']}: {one['Extra']}" for one in said)
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


def scans(found: str) -> bool:
    whole = ("Seq Scan on ardiq_job", "SCAN ardiq_job", "ardiq_job by ALL", "ardiq_job by index of")
    return any(words in found for words in whole)


def reads_all(found: str) -> bool:
    return scans(found) or any(words in found for words in ("TEMP B-TREE", "Sort", "filesort"))


@pytest.mark.parametrize("batch", [1, 100])
def test_a_turn_reads_no_more_than_it_must(
    backlog: DatabaseBroker, alias: str, said: list[Statement], batch: int
) -> None:
    epoch = new_epoch()
    backlog.run_sync(backlog.register(WorkerCard(epoch, "a")))
    first = backlog.run_sync(backlog.exchange(Exchange(epoch, 1, "a", (), batch, ("default",))))

    outcomes = [success(one) for one in first.deliveries]
    backlog.run_sync(backlog.exchange(Exchange(epoch, 2, "a", outcomes, batch, ("default",))))
    backlog.run_sync(backlog.beat(epoch, 2, {}, News()))

    plans = {statement[0]: plan(alias, statement) for statement in said}
    claims = [found for sql, found in plans.items() if "crashes = 0 AND expires_ms" in sql and "LIMIT" in sql]
    settlements = [found for sql, found in plans.items() if "state = 'succeeded'" in sql]
    assert [found for found in plans.values() if reads_all(found)] == []
    assert "ardiq_job_ready" in claims[0]
    assert "ardiq_job_once" in settlements[0] or "sqlite_autoindex_ardiq_job" in settlements[0]


def test_upkeep_and_waiting_read_no_more_than_they_must(
    backlog: DatabaseBroker, alias: str, said: list[Statement]
) -> None:
    epoch = new_epoch()
    backlog.run_sync(backlog.register(WorkerCard(epoch, "a")))
    (delivery,) = backlog.run_sync(backlog.exchange(Exchange(epoch, 1, "a", (), 1, ("default",)))).deliveries
    backlog.run_sync(backlog.exchange(Exchange(epoch, 2, "a", [failure(delivery)], 1, ("default",))))
    said.clear()

    backlog.run_sync(backlog.wait(epoch, 0))
    backlog.run_sync(backlog.sweep())
    backlog.run_sync(backlog.leave(epoch))
    backlog.run_sync(backlog.get(delivery.job.id))

    plans = {statement[0]: plan(alias, statement) for statement in said}
    assert {sql: found for sql, found in plans.items() if scans(found)} == {}


def test_a_small_part_of_a_long_queue_is_counted_in_its_index(
    backlog: DatabaseBroker, alias: str, said: list[Statement]
) -> None:
    assert backlog.run_sync(backlog.size()) == BACKLOG

    found = plan(alias, said[0])
    assert "ardiq_job_ready" in found
    assert "ardiq_job_waiting" in found
