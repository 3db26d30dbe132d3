"""Schedules made inside a transaction: they are there exactly when the transaction is."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connections, transaction

from ardiq_django import Ardiq, Schedule, bridge
from tests.database.conftest import ALIASES
from tests.engine.house import House
from tests.ring.test_commit import undone

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["memory", "redis"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """A queue on each broker that is not in the database, for callers without a loop."""
    made = House("memory://" if request.param == "memory" else str(request.getfixturevalue("redis_url")))
    yield made
    bridge.run(made.close())


def plan_sync(task: Any) -> Schedule:
    schedule: Schedule = task.schedule_by_cron_sync("0 7 * * 1", 5)
    return schedule


def plan_under_async_to_sync(task: Any) -> Schedule:
    schedule: Schedule = async_to_sync(task.schedule_by_cron)("0 7 * * 1", 5)
    return schedule


Way = Callable[[Any], Schedule]
WAYS = pytest.mark.parametrize("plan", [plan_sync, plan_under_async_to_sync])


@WAYS
def test_a_schedule_is_kept_when_the_transaction_commits(house: House, plan: Way) -> None:
    task = house.app().task(name="note")(print)

    with transaction.atomic():
        schedule = plan(task)
        before = schedule.info_sync()

    after = schedule.info_sync()
    assert before is None
    assert after is not None
    assert after.args == (5,)


@WAYS
def test_a_schedule_is_never_kept_when_the_transaction_rolls_back(house: House, plan: Way) -> None:
    app = house.app()
    task = app.task(name="note")(print)

    with undone():
        plan(task)

    assert app.schedules_sync() == []


def test_one_that_is_not_to_wait_is_kept_at_once(house: House) -> None:
    app = house.app()
    task = app.task(name="note")(print)

    with undone():
        schedule = plan_sync(task.options(enqueue_on_commit="never"))

    assert [info.id for info in app.schedules_sync()] == [schedule.id]


@pytest.mark.parametrize("alias", ALIASES)
@WAYS
def test_in_the_same_database_a_schedule_is_part_of_the_transaction(alias: str, plan: Way) -> None:
    app = Ardiq(f"database://{alias}", f"t-{plan.__name__}-{alias}", enqueue_on_commit="never")
    task = app.task(name="note")(print)

    with undone(using=alias):
        undone_one = plan(task)
        assert plan is not plan_sync or undone_one.info_sync() is not None
    with transaction.atomic(using=alias):
        schedule = plan(task)

    assert [info.id for info in app.schedules_sync()] == [schedule.id]
    asyncio.run(app.broker.close())
    connections[alias].close()
