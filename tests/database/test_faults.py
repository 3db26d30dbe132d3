"""A PostgreSQL that fails under load: what was accepted runs, once; producers hear one clear error or none."""

import asyncio
import logging
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
import pytest_django
from django.db import Error, connections, transaction

from ardiq_django import Ardiq, BrokerError, State
from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from tests.database.conftest import write
from tests.database.servers import SafePostgres, alias_of, ask, make_tables
from tests.engine.house import House, end_of, soon, until
from tests.services import DatabaseServer

ROUNDS = 12
OTHERS = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
END = "SELECT pg_terminate_backend({})"
READ_ONLY = "ALTER SYSTEM SET default_transaction_read_only = on"
WRITABLE = "ALTER SYSTEM RESET default_transaction_read_only"


@pytest.fixture(scope="module")
def server() -> Iterator[DatabaseServer]:
    own = SafePostgres()
    own.start()
    yield own
    own.stop()


@pytest.fixture
def alias(server: DatabaseServer, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[str]:
    server.start()
    with django_db_blocker.unblock(), alias_of(server) as alias:
        make_tables(alias)
        yield alias


@pytest.fixture
async def house(alias: str) -> AsyncIterator[House]:
    made = House(f"database://{alias}")
    yield made
    await made.close()


class Load:
    """Producers in threads of their own, and what they were told."""

    def __init__(self, app: Ardiq, alias: str) -> None:
        self.ran: Counter[str] = Counter()
        self.accepted: list[str] = []
        self.refused: list[BrokerError] = []
        self._alias = alias
        self._over = threading.Event()

        @app.task(max_retries=0)
        async def note(name: str) -> str:
            self.ran[name] += 1
            await asyncio.sleep(0.01)
            return name

        self._note = note

    def produce(self, name: str) -> None:
        for number in range(10_000):
            if self._over.is_set():
                break
            mine = f"{name}-{number}"
            try:
                self._note.options(task_id=mine).enqueue_sync(mine)
                self.accepted.append(mine)
            except BrokerError as error:
                self.refused.append(error)
            time.sleep(0.005)
        with suppress(Error):
            connections[self._alias].close()

    async def while_(self, trouble: Callable[[], None]) -> None:
        """Producers at work as long as the trouble lasts, and a little longer."""
        producers = [asyncio.create_task(asyncio.to_thread(self.produce, name)) for name in ("anna", "bert", "cleo")]
        try:
            await until(lambda: len(self.ran) > 10)
            await asyncio.to_thread(trouble)
            enough = len(self.accepted) + 20
            await until(lambda: len(self.accepted) > enough)
        finally:
            self._over.set()
            await asyncio.gather(*producers)


async def proven(house: House, load: Load, trouble: Callable[[], None]) -> None:
    """The invariants: each accepted job ran once and succeeded; one that was refused ran once, or never was."""
    app = house._apps[0]
    async with house.working(app):
        await load.while_(trouble)
        for name in load.accepted:
            assert (await end_of(app.job(name))).success
        await until(lambda: _is_idle(app))

    assert set(load.accepted) <= set(load.ran)
    assert set(load.ran.values()) == {1}
    refused = {error.job_id for error in load.refused}
    assert None not in refused
    assert set(load.ran) <= set(load.accepted) | refused


async def _is_idle(app: Ardiq) -> bool:
    counts = await app.broker.counts()
    return not any(counts[state] for state in (State.QUEUED, State.RUNNING, State.SCHEDULED, State.RETRYING))


async def test_connections_that_are_ended_again_and_again(house: House, alias: str) -> None:
    load = Load(house.app(), alias)

    def trouble() -> None:
        for _ in range(ROUNDS):
            for (number,) in ask(alias, OTHERS):
                with suppress(Error):  # it may be gone by itself
                    ask(alias, END.format(number))
            time.sleep(0.1)

    await proven(house, load, trouble)


async def test_a_server_that_crashes_and_comes_back(house: House, server: DatabaseServer, alias: str) -> None:
    load = Load(house.app(), alias)

    def trouble() -> None:
        for _ in range(2):
            server.kill()
            time.sleep(0.3)
            server.start()
            time.sleep(0.5)

    await proven(house, load, trouble)

    assert {"cannot be used by the task queue" in str(error) for error in load.refused} <= {True}


async def test_a_server_that_only_reads_for_a_time(house: House, alias: str, caplog: pytest.LogCaptureFixture) -> None:
    load = Load(house.app(), alias)

    def trouble() -> None:
        with caplog.at_level(logging.INFO, "ardiq"):
            _told(alias, READ_ONLY)
            deadline = time.monotonic() + 30
            while "broker trouble" not in caplog.text and time.monotonic() < deadline:
                time.sleep(0.01)
            _told(alias, WRITABLE)

    await proven(house, load, trouble)

    assert "broker trouble" in caplog.text
    assert any("read-only" in str(error) for error in load.refused)


def _told(alias: str, sql: str) -> None:
    # a session that only reads may still be told to write again
    for statement in (sql, "SELECT pg_reload_conf()"):
        ask(alias, statement)


async def test_after_a_failover_the_old_primary_is_left(house: House, alias: str) -> None:
    app = house.app()
    await app.broker.pause()
    before = await asyncio.to_thread(ask, alias, OTHERS)

    await asyncio.to_thread(_told, alias, READ_ONLY)
    with pytest.raises(BrokerError, match="read-only"):
        await app.broker.resume()
    await asyncio.to_thread(_told, alias, WRITABLE)
    after = await asyncio.to_thread(ask, alias, OTHERS)

    assert not set(before) & set(after)  # its connections are closed, so that the next may lead elsewhere
    await app.broker.resume()


async def test_who_is_chosen_in_a_deadlock_tries_again(house: House, alias: str) -> None:
    app = house.app()
    first, second = [await app.ref("note").options(delay_ms=60_000).enqueue() for _ in range(2)]
    lock = "SELECT id FROM ardiq_job WHERE job_id = %s FOR UPDATE"
    holds, may_go_on = threading.Event(), threading.Event()

    def cross() -> None:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute("SET LOCAL deadlock_timeout = '60s'")  # so that it is never this one
            cursor.execute(lock, [second.id])
            holds.set()
            assert may_go_on.wait(30)
            cursor.execute(lock, [first.id])

    other = asyncio.create_task(write(alias, cross))
    await asyncio.to_thread(holds.wait, 30)
    aborting = asyncio.create_task(app.broker.abort([first.id, second.id]))
    waits = "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    await until(lambda: _any(alias, waits))
    may_go_on.set()

    assert await soon(aborting) == ["done", "done"]
    await other


async def _any(alias: str, sql: str) -> bool:
    return bool(await asyncio.to_thread(ask, alias, sql))


def test_a_lock_that_is_held_too_long_is_one_clear_error(server: DatabaseServer, alias: str) -> None:
    with alias_of(server, OPTIONS={"options": "-c lock_timeout=100"}) as hurried:
        broker = DatabaseBroker(f"database://{hurried}", QueueRules())
        with _locked(alias), pytest.raises(BrokerError, match="lock timeout"):
            asyncio.run(broker.size())
        assert asyncio.run(broker.size()) == 0
        asyncio.run(broker.close())


@contextmanager
def _locked(alias: str) -> Iterator[None]:
    """Our table is held by somebody, as a migration would."""
    holds, over = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            cursor.execute("LOCK TABLE ardiq_job IN ACCESS EXCLUSIVE MODE")
            holds.set()
            over.wait(60)
        connections[alias].close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert holds.wait(30)
    try:
        yield
    finally:
        over.set()
        thread.join()
