"""A database server that says nothing, with all connections open: who waits for it is set free after a time."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_django

from ardiq_django import BrokerError, State
from ardiq_django.brokers.database import lookout
from ardiq_django.brokers.database.thread import OwnThread
from tests.database.conftest import SERVER_NAMES
from tests.database.servers import alias_of, frozen, make_tables
from tests.engine.house import House, end_of, soon, until
from tests.mariadb import MariaDbServer
from tests.services import DatabaseServer, PostgresServer

SHORT_S = 1.0


@pytest.fixture(scope="module", params=SERVER_NAMES)
def server(request: pytest.FixtureRequest) -> Iterator[DatabaseServer]:
    own = PostgresServer() if request.param == "postgres" else MariaDbServer()
    own.start()
    yield own
    own.stop()


@pytest.fixture
def alias(server: DatabaseServer, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[str]:
    with django_db_blocker.unblock(), alias_of(server) as alias:
        make_tables(alias)
        yield alias


@pytest.fixture
async def house(alias: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[House]:
    monkeypatch.setattr(lookout, "SILENCE_S", SHORT_S)
    made = House(f"database://{alias}")
    yield made
    await made.close()


async def test_a_verb_is_one_clear_error_and_goes_on_once_the_server_does(
    house: House, server: DatabaseServer, alias: str
) -> None:
    broker = house.app().broker
    await broker.size()

    async with frozen(server, alias):
        with pytest.raises(BrokerError, match="cannot be used by the task queue"):
            await soon(broker.size())

    assert await soon(broker.size()) == 0


async def test_a_worker_notices_and_goes_on_and_nothing_runs_twice(
    house: House, server: DatabaseServer, alias: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app()
    let_go = asyncio.Event()
    runs: list[str] = []

    @app.task
    async def note(name: str) -> str:
        runs.append(name)
        if name == "running":
            await let_go.wait()
        return name

    async with house.working(app):
        running, later = await note.enqueue("running"), await note.options(delay_ms=500).enqueue("later")
        await house.until_state(running, State.RUNNING)
        with caplog.at_level(logging.INFO, "ardiq"):
            async with frozen(server, alias):
                let_go.set()
                await until(lambda: "broker trouble" in caplog.text)
            await until(lambda: "broker back" in caplog.text)
        results = [await end_of(job) for job in (running, later, await note.enqueue("new"))]

    assert [result.success for result in results] == [True] * 3
    assert sorted(runs) == ["later", "new", "running"]


async def test_a_worker_can_be_stopped_while_its_server_says_nothing(
    house: House, server: DatabaseServer, alias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookout, "SILENCE_S", 10.0)  # the stop itself sets free
    monkeypatch.setattr("ardiq_django.brokers.database.thread.CLOSE_TIMEOUT_S", 0.3)
    monkeypatch.setattr("ardiq_django.worker.worker.CANCEL_GRACE_S", 0.3)
    app = house.app(shutdown_timeout_s=0.2)
    begun = asyncio.Event()

    @app.task
    async def endless() -> None:
        begun.set()
        await asyncio.Event().wait()

    await endless.enqueue()
    worker = asyncio.create_task(app.run())
    await soon(begun.wait())
    async with frozen(server, alias):
        app.stop()
        await asyncio.wait_for(worker, 40)

    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ardiq-turns")]


async def test_who_waits_long_for_a_server_that_works_is_left_alone(house: House, alias: str) -> None:
    thread = OwnThread(alias, "test")
    await thread.run(lambda: None)

    assert await thread.run(lambda: time.sleep(SHORT_S * 2) or "done") == "done"  # type: ignore[func-returns-value]
    await asyncio.to_thread(thread.close)
