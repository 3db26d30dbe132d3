"""On PostgreSQL the broker's own connections prepare what they say again and again, and no other does."""

from typing import Any

import pytest
from django.db import connections

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.brokers.database.listening import ListeningExecutor
from ardiq_django.clock import new_epoch
from ardiq_django.exceptions import BrokerError
from ardiq_django.models.dialects import dialect
from ardiq_django.wire import Exchange, WorkerCard
from tests.database.conftest import ON_POSTGRES, Outside, job

pytestmark = [pytest.mark.parametrize("alias", ["postgres"]), ON_POSTGRES]


def prepared(alias: str) -> list[str]:
    """What this thread's connection has had prepared."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        return [statement for (statement,) in cursor.fetchall()]


async def turns(broker: DatabaseBroker, number: int) -> None:
    epoch = new_epoch()
    await broker.register(WorkerCard(epoch, "anna"))
    for call in range(1, number + 1):
        await broker.enqueue([job()])
        turn = await broker.claim(Exchange(epoch, call, "anna", (), 1, ("default",)), 10)
        assert len(turn.deliveries) == 1


def test_the_statements_of_turns_are_prepared(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    async def run() -> list[str]:
        await turns(broker, 4)
        return await broker._in(broker._turns, lambda: prepared(alias))

    found = outside(run())

    assert any("state = 'running'" in statement for statement in found)
    assert prepared(alias) == []


def test_behind_a_pooler_of_transactions_nothing_is_prepared_and_nobody_listens(
    broker: DatabaseBroker, alias: str, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections[alias].settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)

    async def run() -> Any:
        await turns(broker, 4)
        await broker.size()
        return await broker._in(broker._turns, lambda: prepared(alias)), broker._rest._executor

    found, executor = outside(run())

    assert found == []
    assert not isinstance(executor, ListeningExecutor)


def test_a_lost_connection_is_prepared_anew(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    def end_it() -> None:
        ((own,),) = dialect(connections[alias]).rows("SELECT pg_backend_pid()", ())
        other = connections.create_connection(alias)
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", (own,))
        other.close()

    async def run() -> list[str]:
        await turns(broker, 4)
        await broker._in(broker._turns, end_it)
        await turns(broker, 4)
        return await broker._in(broker._turns, lambda: prepared(alias))

    assert outside(run()) != []


def test_a_pooler_that_nobody_told_of_is_named_with_its_remedy(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    def another_connection() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("DO 'BEGIN EXECUTE ''DEALLOCATE ALL''; END'")  # so that the driver does not notice

    async def run() -> None:
        await turns(broker, 4)
        await broker._in(broker._turns, another_connection)
        await turns(broker, 1)

    with pytest.raises(BrokerError, match="DISABLE_SERVER_SIDE_CURSORS"):
        outside(run())
