"""A limit of a queue where several write at once: exact in a file, judged by what is committed on a server."""

import asyncio
from collections.abc import Iterator

import pytest
from django.db import connections, transaction

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.wire import Acceptance
from tests.database.conftest import ON_SQLITE, SERVERS, Outside, job, write

LIMIT = 20
CREATED, FULL = Acceptance.CREATED, Acceptance.FULL


@pytest.fixture
def limited(broker: DatabaseBroker, alias: str) -> Iterator[DatabaseBroker]:
    """The same queue, with a limit."""
    made = DatabaseBroker(f"database://{alias}", QueueRules(broker.rules.queue, max_queue=LIMIT))
    yield made
    asyncio.run(made.close())


@pytest.mark.parametrize("alias", [pytest.param("default", marks=ON_SQLITE)])
@pytest.mark.parametrize("mode", ["IMMEDIATE", "DEFERRED"])
def test_writers_of_a_file_never_exceed_it(
    limited: DatabaseBroker, alias: str, mode: str, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    connections[alias].close()
    options = {**connections[alias].settings_dict["OPTIONS"], "transaction_mode": mode}
    monkeypatch.setitem(connections.settings[alias], "OPTIONS", options)
    answers: list[Acceptance] = []

    def produce() -> None:
        for number in range(10):
            answers.extend(limited.run_sync(limited.enqueue([job() for _ in range(1 + number % 3)])))

    async def run() -> None:
        await asyncio.gather(*(write(alias, produce) for _ in range(4)))

    outside(run())
    waiting = outside(limited.size())

    assert answers.count(CREATED) == waiting == LIMIT
    assert FULL in answers


@pytest.mark.parametrize("alias", SERVERS)
def test_transactions_of_one_moment_exceed_it_by_what_they_bring(
    limited: DatabaseBroker, alias: str, outside: Outside
) -> None:
    answers: list[Acceptance] = []

    def produce() -> None:
        answers.extend(limited.run_sync(limited.enqueue([job() for _ in range(LIMIT)])))

    with transaction.atomic(using=alias):
        produce()
        outside(write(alias, produce))
        assert limited.run_sync(limited.enqueue([job()])) == [FULL]  # by its own and what is committed

    assert answers == [CREATED] * 2 * LIMIT
    assert outside(limited.size()) == 2 * LIMIT
    assert limited.run_sync(limited.enqueue([job()])) == [FULL]


def test_a_refusal_leaves_the_transaction_as_it_was(limited: DatabaseBroker, alias: str, outside: Outside) -> None:
    with transaction.atomic(using=alias):
        limited.run_sync(limited.enqueue([job() for _ in range(LIMIT)]))
        refused = limited.run_sync(limited.enqueue([job(), job()]))

    assert refused == [FULL, FULL]
    assert outside(limited.size()) == LIMIT


def test_the_count_is_cheap_whatever_has_ended(limited: DatabaseBroker, alias: str, outside: Outside) -> None:
    outside(limited.enqueue([job() for _ in range(LIMIT)]))
    table = limited._tables.table

    assert table.count_waiting(limited.rules.queue, 7) == 7
    assert table.count_waiting(limited.rules.queue, 1_000) == LIMIT
    assert table.count_waiting("another", 1_000) == 0
