"""The broker's own threads and connections: apart from the project's, never held open, gone when it is closed."""

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connections, transaction

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.brokers.database.thread import OwnThread
from ardiq_django.clock import new_epoch
from ardiq_django.exceptions import ConfigError
from ardiq_django.models.dialects import check_vendor
from ardiq_django.snapshot import Query
from ardiq_django.wire import Answer, Exchange, News, Outcome, WorkerCard
from drills.patience import until
from tests.contract.makers import retrying, success
from tests.database.conftest import ON_POSTGRES, ON_SQLITE, SERVERS, Outside, job

STATES_OF_OTHERS = {
    "postgres": "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'",
    "mariadb": "SELECT COALESCE(trx_state, 'idle') FROM information_schema.processlist LEFT JOIN"
    " information_schema.innodb_trx ON trx_mysql_thread_id = id WHERE db = DATABASE() AND id <> CONNECTION_ID()",
}
ISOLATION = {
    "postgres": (4, "SELECT current_setting('transaction_isolation')"),
    "mariadb": ("serializable", "SELECT LOWER(REPLACE(@@tx_isolation, '-', ' '))"),
}


@pytest.fixture
def thread(alias: str) -> Iterator[OwnThread]:
    own = OwnThread(alias, "test")
    yield own
    own.close()


def own_threads() -> list[str]:
    found = [thread.name for thread in threading.enumerate() if thread.name.startswith("ardiq-")]
    return [name for name in found if name != "ardiq-lookout"]  # which all brokers of the process share


async def hold_a_job(broker: DatabaseBroker) -> None:
    epoch = new_epoch()
    await broker.enqueue([job()])
    await broker.register(WorkerCard(epoch, "anna"))
    turn = await broker.exchange(Exchange(epoch, 1, "anna", (), 5, ("default",)))
    assert len(turn.deliveries) == 1


def test_the_own_threads_end_with_the_broker(broker: DatabaseBroker, outside: Outside) -> None:
    before = own_threads()
    outside(hold_a_job(broker))
    outside(broker.counts())
    during = own_threads()

    outside(broker.close())

    assert len(during) == len(before) + 2
    assert own_threads() == before


def test_a_closed_broker_begins_anew(broker: DatabaseBroker, outside: Outside) -> None:
    outside(hold_a_job(broker))
    outside(broker.close())

    assert outside(broker.size()) == 0


@pytest.mark.parametrize("alias", SERVERS)
def test_a_workers_verbs_stay_out_of_the_transaction_around_them(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    with transaction.atomic(using=alias):
        outside(broker.pause())
        transaction.set_rollback(True, using=alias)

    assert outside(broker.paused()) is True


def test_a_synchronous_callers_verbs_are_in_its_transaction(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    with transaction.atomic(using=alias):
        broker.run_sync(broker.pause())
        transaction.set_rollback(True, using=alias)

    assert outside(broker.paused()) is False


def test_django_keeps_no_log_of_the_brokers_queries(thread: OwnThread, alias: str, settings: Any) -> None:
    settings.DEBUG = True

    def query() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")

    asyncio.run(thread.run(query))

    assert asyncio.run(thread.run(lambda: len(connections[alias].queries_log))) == 0


@pytest.mark.parametrize("alias", [pytest.param("default", marks=ON_SQLITE)])
def test_own_transactions_on_sqlite_take_the_lock_when_they_begin(
    thread: OwnThread, alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections[alias].settings_dict["OPTIONS"], "transaction_mode", "DEFERRED")
    begun: list[str] = []

    def listen(execute: Any, sql: str, *rest: Any) -> Any:
        begun.append(sql)
        return execute(sql, *rest)

    def begin() -> None:
        with connections[alias].execute_wrapper(listen), transaction.atomic(using=alias):
            pass

    asyncio.run(thread.run(begin))

    assert begun[0] == "BEGIN IMMEDIATE"


@pytest.mark.parametrize("alias", SERVERS)
def test_no_transaction_is_open_while_a_job_runs(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    def states() -> list[str]:
        with connections[alias].cursor() as cursor:
            cursor.execute(STATES_OF_OTHERS[alias])
            return [state for (state,) in cursor.fetchall()]

    async def run() -> list[str]:
        await hold_a_job(broker)
        await broker.counts()
        return await asyncio.to_thread(states_and_close)

    def states_and_close() -> list[str]:
        found = states()
        connections[alias].close()
        return found

    before = states()
    during = outside(run())
    outside(broker.close())

    assert len(during) > len(before)
    assert set(during) == {"idle"}
    # what the server keeps of a closed connection goes a moment later
    until(lambda: len(states()) == len(before), "the broker's connections are gone")


@pytest.mark.parametrize("alias", SERVERS)
def test_neither_a_pool_nor_an_isolation_level_of_the_project_is_taken_over(
    thread: OwnThread, alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = connections[alias].settings_dict["OPTIONS"]
    other, ask = ISOLATION[alias]
    monkeypatch.setitem(options, "isolation_level", other)
    monkeypatch.setitem(options, "pool", True)

    def level() -> str:
        with connections[alias].cursor() as cursor:
            cursor.execute(ask)
            return str(cursor.fetchone()[0])

    assert asyncio.run(thread.run(level)) == "read committed"


@pytest.mark.parametrize("alias", [pytest.param("postgres", marks=ON_POSTGRES)])
def test_a_project_may_have_its_statements_prepared_by_the_server(
    broker: DatabaseBroker, alias: str, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = connections[alias].settings_dict["OPTIONS"]
    monkeypatch.setitem(options, "server_side_binding", True)
    monkeypatch.setitem(options, "prepare_threshold", 0)
    connections[alias].close()
    epoch, jobs = new_epoch(), [job(delay_ms=delay) for delay in (0, 0, 1)]

    async def run() -> list[Any]:
        await broker.enqueue(jobs)
        await broker.register(WorkerCard(epoch, "anna"))
        first = await broker.exchange(Exchange(epoch, 1, "anna", (), 5, ("default",)))
        await broker.wait(epoch, 0.1)
        outcomes: list[Outcome] = [success(first.deliveries[0]), retrying(first.deliveries[1], 60_000)]
        turn = await broker.exchange(Exchange(epoch, 2, "anna", outcomes, 5, ("default",)))
        await broker.beat(epoch, 2, {}, News())
        await broker.sweep()
        return [turn.answers, (await broker.page(Query())).total, await broker.abort([jobs[1].id])]

    assert outside(run()) == [[Answer.DONE, Answer.DONE], 3, [Answer.DONE]]

    broker.skew_ms += 365 * 86_400_000
    broker.run_sync(broker.sweep())  # by the project's own connection
    assert broker.run_sync(broker.get(jobs[0].id)) is None


def test_an_address_must_name_a_known_database() -> None:
    with pytest.raises(ConfigError, match=r"'database://warehouse'.*default, postgres"):
        DatabaseBroker("database://warehouse", QueueRules())


def test_a_database_that_cannot_keep_jobs_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match="oracle database; known: sqlite, postgresql, mysql"):
        check_vendor("oracle")
    monkeypatch.setattr("sqlite3.sqlite_version_info", (3, 34, 1))
    with pytest.raises(ConfigError, match=r"3\.35\.0 or later"):
        DatabaseBroker("database://default", QueueRules())
