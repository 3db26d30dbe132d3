"""A broker that goes away: producers hear of it once and soon, workers wait for it and go on."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_django
from django.core.management import call_command
from django.db import connections
from redis.asyncio import Redis

from ardiq_django import Ardiq, BrokerError, State, current_task
from tests.engine.house import House, end_of, soon, until
from tests.services import PostgresServer, RedisServer, Server, free_port

EACH = pytest.mark.parametrize("server", ["redis", "postgres"], indirect=True)


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of the test's own, by default a Redis, which keeps on disk what it has acknowledged."""
    if getattr(request, "param", "redis") == "redis":
        own: Server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    else:
        own = PostgresServer()
    own.start()
    yield own
    own.stop()


@pytest.fixture
async def house(server: Server, django_db_blocker: pytest_django.DjangoDbBlocker) -> AsyncIterator[House]:
    if isinstance(server, PostgresServer):
        with django_db_blocker.unblock(), alias_of(server) as alias:
            await asyncio.to_thread(make_tables, alias)
            made = House(f"database://{alias}")
            yield made
            await made.close()
        return
    made = House(server.url)
    yield made
    await made.close()


@contextmanager
def alias_of(server: PostgresServer) -> Iterator[str]:
    """A database alias, never used twice: threads that outlive a test keep what they have opened under its name."""
    alias = server.directory.name
    connections.settings[alias] = {
        **connections.settings["postgres"],
        "HOST": str(server.directory),
        "NAME": "postgres",
    }
    yield alias
    del connections.settings[alias]


def make_tables(alias: str) -> None:
    call_command("migrate", database=alias, verbosity=0)
    connections[alias].close()


@pytest.fixture
def nowhere() -> Ardiq:
    """An app whose broker is not there."""
    return Ardiq(f"redis://:secret@127.0.0.1:{free_port()}/0", queue_name="q")


async def test_enqueuing_without_a_broker_is_one_error_that_carries_the_id(nowhere: Ardiq) -> None:
    note = nowhere.task(name="note")(print)

    began = time.monotonic()
    with pytest.raises(BrokerError) as caught:
        await note.options(task_id="mine").enqueue(1)
    assert time.monotonic() - began < 5

    assert caught.value.job_id == "mine"
    assert "secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
    prepared = [note.prepare(number) for number in range(2)]
    with pytest.raises(BrokerError) as caught:
        await nowhere.enqueue_many(prepared)
    assert caught.value.job_id == prepared[0].id
    with pytest.raises(BrokerError):
        await asyncio.to_thread(note.enqueue_sync, 1)
    with pytest.raises(BrokerError):
        await nowhere.status("mine")


@EACH
async def test_a_worker_waits_for_a_broker_that_is_not_there_yet(
    house: House, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app()

    @app.task
    async def note() -> str:
        return "ran"

    server.stop()
    with caplog.at_level(logging.INFO, "ardiq"):
        async with house.working(app):
            await until(lambda: "broker trouble" in caplog.text)
            await asyncio.to_thread(server.start)
            await until(lambda: "broker back" in caplog.text)
            assert (await end_of(await note.enqueue())).value == "ran"


# the PostgreSQL of the tests does not wait for its disk, so a crash of it may lose what it has acknowledged
@pytest.mark.parametrize(
    ("server", "how"), [("redis", "stop"), ("redis", "kill"), ("postgres", "stop")], indirect=["server"]
)
async def test_a_restarted_broker_is_worked_for_again_and_nothing_runs_twice(
    house: House, server: Server, how: str
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
        await asyncio.to_thread(getattr(server, how))
        let_go.set()
        await asyncio.to_thread(server.start)
        for job in (running, later, await note.enqueue("new")):
            assert (await end_of(job)).success

    assert sorted(runs) == ["later", "new", "running"]


@EACH
async def test_an_idle_worker_notices_an_outage_too(
    house: House, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app(poll_block_ms=100)

    @app.task
    async def note() -> None: ...

    async with house.working(app):
        await end_of(await note.enqueue())
        with caplog.at_level(logging.INFO, "ardiq"):
            await asyncio.to_thread(server.stop)
            await until(lambda: "broker trouble" in caplog.text)
            await asyncio.to_thread(server.start)
            await until(lambda: "broker back" in caplog.text)


async def test_a_frozen_broker_costs_time_and_nothing_else(house: House, server: RedisServer) -> None:
    app = house.app()
    runs: list[int] = []

    @app.task
    async def note(number: int) -> None:
        runs.append(number)
        await asyncio.sleep(0.01)

    async with house.working(app):
        jobs = await app.enqueue_many(note.prepare(number) for number in range(200))
        await until(lambda: len(runs) > 20)
        server.pause()
        await asyncio.sleep(1)  # frozen for so long
        server.resume()
        results = [await end_of(job) for job in jobs]

    assert sorted(runs) == list(range(200))
    assert {(result.success, result.tries, result.attempts) for result in results} == {(True, 1, ())}


@pytest.mark.parametrize("kind", ["normal", "pubsub"])
async def test_killed_connections_are_made_again(house: House, server: RedisServer, kind: str) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> int:
        return number

    @app.task
    async def endless() -> None:
        await asyncio.Event().wait()

    async with house.working(app):
        for number in range(3):
            held = await endless.enqueue()
            await house.until_state(held, State.RUNNING)
            waiter = asyncio.create_task(end_of(held))
            await _kill_connections(server, kind)
            assert (await end_of(await note.enqueue(number))).value == number
            assert await held.abort()
            assert (await soon(waiter)).aborted


async def _kill_connections(server: RedisServer, kind: str) -> None:
    client = Redis.from_url(server.url)
    await client.client_kill_filter(_type=kind, skipme=True)
    await client.aclose()


async def test_a_flushed_broker_begins_from_nothing(house: House, server: RedisServer) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> int:
        return number

    async with house.working(app):
        await end_of(await note.enqueue(1))
        server.flush()
        assert (await end_of(await note.enqueue(2))).value == 2


async def test_a_worker_whose_broker_never_came_can_be_stopped(
    nowhere: Ardiq, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ardiq"):
        worker = asyncio.create_task(nowhere.run())
        await until(lambda: "broker trouble" in caplog.text)
        nowhere.stop()
        await soon(worker)


async def test_a_worker_whose_broker_went_away_can_be_stopped(
    house: House, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.worker.worker.CANCEL_GRACE_S", 0.3)
    app = house.app(shutdown_timeout_s=0.2)

    @app.task(max_retries=0)
    async def endless() -> int:
        if server.is_running and not again:
            await asyncio.Event().wait()
        return current_task().tries

    again: list[bool] = []
    job = await endless.enqueue()
    worker = asyncio.create_task(app.run())
    await house.until_state(job, State.RUNNING)
    await asyncio.to_thread(server.stop)
    app.stop()
    await soon(worker)

    again.append(True)
    await asyncio.to_thread(server.start)
    house.travel(120_000)
    await app.broker.reap()
    await house.burst(app)
    assert (await end_of(job)).value == 1


async def test_after_an_outage_the_living_keep_their_jobs(house: House, server: RedisServer) -> None:
    busy = house.app(idle_timeout_ms=1_500, concurrency=1)
    idle = house.app(idle_timeout_ms=1_500)
    let_go = asyncio.Event()
    runs: list[int] = []

    async def hold() -> None:
        runs.append(1)
        await let_go.wait()

    job = await busy.task(hold).enqueue()
    async with house.working(busy):
        await house.until_state(job, State.RUNNING)
        idle.task(hold)
        async with house.working(idle):
            await until(lambda: _number_of_workers(busy, 2))
            server.pause()
            await asyncio.sleep(2)  # longer than a lease
            server.resume()
            await until(lambda: _number_of_workers(busy, 2))
            let_go.set()
            result = await end_of(job)

    assert (runs, result.attempts) == ([1], ())


async def _number_of_workers(app: Ardiq, number: int) -> bool:
    rows = await app.broker.workers()
    return sum(row.lease_end_ms > row.now_ms for row in rows) == number
