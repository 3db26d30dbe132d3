"""A database that is away, or not what it should be."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_django
from asgiref.sync import async_to_sync
from django.db import connections, transaction

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import new_epoch
from ardiq_django.exceptions import BrokerError
from ardiq_django.wire import Acceptance, Exchange, News, WorkerCard
from tests.database.conftest import SERVER_NAMES, SERVERS, Outside, job, on
from tests.services import free_port

FAST_S = 3.0


@pytest.fixture
def strange(
    request: pytest.FixtureRequest, tmp_path: Path, django_db_blocker: pytest_django.DjangoDbBlocker
) -> Iterator[DatabaseBroker]:
    """A broker of a database that is not one of the tests' own, or is away."""
    settings = {**connections[request.param["like"]].settings_dict, "OPTIONS": {}}
    name = request.param.get("name", str(tmp_path / "file"))
    nowhere = {"HOST": "127.0.0.1", "PORT": free_port()} if name == "away" else {}
    connections.settings["strange"] = {**settings, **nowhere, "NAME": name}
    with django_db_blocker.unblock():
        broker = DatabaseBroker("database://strange", QueueRules())
        yield broker
        broker.run_sync(broker.close())
        connections["strange"].close()
    del connections["strange"], connections.settings["strange"]


ITS_OWN = {"postgres": "postgres", "mariadb": "mysql"}  # the database that each server has by itself
EMPTY = pytest.mark.parametrize(
    "strange",
    [
        pytest.param({"like": "default"}, id="sqlite"),
        *(pytest.param({"like": alias, "name": ITS_OWN[alias]}, id=alias, marks=on(alias)) for alias in SERVER_NAMES),
    ],
    indirect=True,
)
AWAY = pytest.mark.parametrize(
    "strange", [{"like": alias, "name": "away"} for alias in SERVER_NAMES], indirect=True, ids=SERVER_NAMES
)
OTHERS = {
    "postgres": "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'",
    "mariadb": "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}
WHO_AM_I = {"postgres": "SELECT pg_backend_pid()", "mariadb": "SELECT CONNECTION_ID()"}
END = {"postgres": "SELECT pg_terminate_backend(%s)", "mariadb": "KILL %s"}


@EMPTY
def test_missing_tables_are_named_with_their_remedy(strange: DatabaseBroker, outside: Outside) -> None:
    for call in (
        lambda: strange.run_sync(strange.enqueue([job()])),
        lambda: outside(strange.enqueue([job(), job()])),
        lambda: outside(strange.exchange(Exchange("e", 1))),
        lambda: outside(strange.beat("e", 1, {}, News())),
        lambda: outside(strange.counts()),
    ):
        with pytest.raises(BrokerError, match=r"manage\.py migrate --database=strange"):
            call()


@AWAY
def test_a_database_that_is_away_is_told_at_once(strange: DatabaseBroker, outside: Outside) -> None:
    for call in (
        lambda: strange.run_sync(strange.enqueue([job()])),
        lambda: async_to_sync(strange.enqueue)([job()]),
        lambda: outside(strange.exchange(Exchange("e", 1))),
        lambda: outside(strange.wait("e", 30)),
        lambda: outside(strange.get("x")),
    ):
        began = time.monotonic()
        with pytest.raises(BrokerError, match="'strange' cannot be used"):
            call()
        assert time.monotonic() - began < FAST_S


@pytest.mark.parametrize("alias", SERVERS)
class TestALostConnection:
    """The server ends the connections, as a restart or a failover does; the next verb goes over a new one."""

    def cut(self, alias: str) -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute(OTHERS[alias])
            for other in cursor.fetchall():
                cursor.execute(END[alias], other)

    def test_a_workers_verbs_go_on(self, broker: DatabaseBroker, alias: str, outside: Outside) -> None:
        epoch = new_epoch()
        outside(broker.register(WorkerCard(epoch, "anna")))
        outside(broker.size())
        outside(broker.enqueue([job()]))
        self.cut(alias)

        turn = outside(broker.exchange(Exchange(epoch, 1, "anna", (), 1, ("default",))))

        assert len(turn.deliveries) == 1
        assert outside(broker.size()) == 0

    def test_a_producer_goes_on(self, broker: DatabaseBroker, alias: str, outside: Outside) -> None:
        broker.run_sync(broker.enqueue([job()]))
        self.cut_this(alias)

        assert broker.run_sync(broker.enqueue([job()])) == [Acceptance.CREATED]
        assert outside(broker.size()) == 2

    def test_a_transaction_is_not_continued(self, broker: DatabaseBroker, alias: str, outside: Outside) -> None:
        def produce() -> None:
            with transaction.atomic(using=alias):
                broker.run_sync(broker.enqueue([job()]))
                self.cut_this(alias)
                broker.run_sync(broker.enqueue([job()]))

        with pytest.raises(BrokerError):
            produce()

        assert outside(broker.size()) == 0

    def cut_this(self, alias: str) -> None:
        """End the test's own connection, by another."""
        with connections[alias].cursor() as cursor:
            cursor.execute(WHO_AM_I[alias])
            (mine,) = cursor.fetchone()
        other: Any = connections[alias].copy()
        with other.cursor() as cursor:
            cursor.execute(END[alias], [mine])
        other.close()
