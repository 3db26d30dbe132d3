"""The other driver that Django takes for PostgreSQL: psycopg 2."""

import select
from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from ardiq_django.brokers.database.listening import CHANNEL, told_to
from tests.database.hygiene import ALIAS, OF_BROKER, workplace
from tests.services import PostgresServer
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
SOON_S = 10.0


def connected(postgres: PostgresServer) -> Any:
    driver = psycopg2.connect(host=str(postgres.directory), dbname="ardiq", user=postgres.user)
    driver.autocommit = True
    return driver


@pytest.fixture
def drivers(postgres: PostgresServer) -> Iterator[tuple[Any, Any]]:
    """One connection that listens, and another."""
    pair = connected(postgres), connected(postgres)
    with pair[0].cursor() as cursor:
        cursor.execute(f"LISTEN {CHANNEL}")
    yield pair
    for driver in pair:
        driver.close()


def tell(driver: Any, *words: str) -> None:
    with driver.cursor() as cursor:
        for word in words:
            cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, word])


def hear_the_end(driver: Any) -> list[str]:
    assert select.select([driver], [], [], SOON_S)[0] == [driver]
    return told_to(driver)


def test_it_hears_each_notice_once(drivers: tuple[Any, Any]) -> None:
    ear, mouth = drivers

    assert told_to(ear) == []
    tell(mouth, "one", "two")
    assert select.select([ear], [], [], SOON_S)[0] == [ear]

    heard: list[str] = []
    while len(heard) < 2:
        heard += told_to(ear)
        select.select([ear], [], [], 0.01)
    assert heard == ["one", "two"]
    assert told_to(ear) == []


def test_what_came_along_with_an_answer_is_heard(drivers: tuple[Any, Any]) -> None:
    ear, mouth = drivers

    tell(mouth, "one")
    with ear.cursor() as cursor:
        cursor.execute("SELECT 1")

    assert told_to(ear) == ["one"]


def test_that_a_connection_was_lost_is_an_error(drivers: tuple[Any, Any]) -> None:
    ear, mouth = drivers

    with mouth.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [ear.get_backend_pid()])

    assert hear_the_end(ear) == []  # the server's farewell
    with pytest.raises(psycopg2.OperationalError):
        hear_the_end(ear)


def test_a_worker_process_runs_on_it() -> None:
    orders = Order.objects.using(ALIAS)
    orders.create(name="first")

    with workplace(f"database://{ALIAS}", 2, DRIVER="psycopg2", CONN_MAX_AGE=None) as place:
        assert place.values([place.ask("driver")]) == ["psycopg2"]
        before = place.backends()
        counted = place.values([place.ask(task, 2) for task in ("in_a_thread", "on_the_loop") * 5])
        for way in ("enter_atomic", "turn_autocommit_off", "begin_by_hand", "fail_in_atomic"):
            job = place.ask("leave_open_in_a_thread", way)
            place.values([job])
            assert orders.update(name="free") >= 1
            assert place.process.said.count(f"job left a transaction open id={job.id} task=") == 1
        assert len(before & place.backends()) >= OF_BROKER["database"]  # nothing that was heard broke its connection

    assert max(counted) == 2 + OF_BROKER["database"]
