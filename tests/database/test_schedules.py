"""Ten thousand schedules: what is due is found by its index, in a number of statements that does not grow with them."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import now_ms
from ardiq_django.plan import Planned, PlanOptions, When, plan_of
from tests.database.conftest import job
from tests.database.test_plans import Statement, plan

MANY = 10_000
HOUR_MS = 3_600_000
DUE = 20


@pytest.fixture
def said(broker: DatabaseBroker, alias: str) -> Iterator[list[Statement]]:
    """The statements about schedules and jobs that this thread says to the database, once there are many schedules."""
    broker.run_sync(broker.schedules.plan([_planned(number) for number in range(MANY)]))
    statements: list[Statement] = []

    def listen(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if not sql.startswith(("EXPLAIN", "PREPARE", "DEALLOCATE", "SET", "RESET")):
            statements.append((sql, params[0] if many else params))
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(listen):
        yield statements


def _planned(number: int) -> Planned:
    now, options = now_ms(), PlanOptions()
    when = When(at_ms=now - 1 if number < DUE else now + 10 * HOUR_MS + number)
    return Planned.new(plan_of(f"s{number}", job(), when, options, now), now)


def test_looking_for_what_is_due_costs_the_same(broker: DatabaseBroker, alias: str, said: list[Statement]) -> None:
    rows = broker.run_sync(broker.schedules.due(200))

    assert len(rows) == DUE
    assert len(said) <= 2  # the time, and what is due by then
    found = plan(alias, said[-1])
    assert "ardiq_schedule_next" in found


def test_firing_costs_the_same_however_many_fire(broker: DatabaseBroker, said: list[Statement]) -> None:
    rows = broker.run_sync(broker.schedules.due(200))
    said.clear()

    fired = broker.run_sync(broker.schedules.fire([row.firing(now_ms(), 10) for row in rows]))

    assert fired == [True] * DUE
    assert broker.run_sync(broker.size()) == DUE
    assert len(said) <= 12
