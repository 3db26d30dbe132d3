"""Jobs and the ORM: side by side, on few connections, which are looked after between jobs."""

import asyncio
import logging
import threading
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import IntegrityError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ardiq_django import Job
from tests.engine.house import SOON_S, House, end_of
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


async def test_sync_and_async_jobs_use_the_orm(house: House) -> None:
    app = house.app()

    @app.task
    def create(name: str) -> int:
        return int(Order.objects.create(name=name).pk)

    @app.task
    async def acreate(name: str) -> int:
        return int((await Order.objects.acreate(name=name)).pk)

    async with house.working(app):
        jobs: list[Job[Any]] = [await create.enqueue("a"), await acreate.enqueue("b")]
        keys = [(await end_of(job)).value for job in jobs]

    names = [order.name async for order in Order.objects.filter(pk__in=keys).order_by("name")]
    assert names == ["a", "b"]


async def test_orm_calls_of_async_jobs_run_side_by_side(house: House) -> None:
    app = house.app(concurrency=4)
    all_here = threading.Barrier(4, timeout=SOON_S)

    def count() -> int:
        all_here.wait()
        return Order.objects.count()

    @app.task
    async def meet() -> int:
        return await sync_to_async(count)()

    async with house.working(app):
        jobs = [await meet.enqueue() for _ in range(4)]
        results = [await end_of(job) for job in jobs]

    assert [(result.success, result.value) for result in results] == [(True, 0)] * 4


@pytest.fixture
def lasting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections that may be used again, as a project asks for with CONN_MAX_AGE."""
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", None)


@pytest.mark.usefixtures("lasting")
async def test_there_are_no_more_connections_than_slots(house: House) -> None:
    app = house.app(concurrency=3)
    used: list[object] = []  # kept, so that none takes the place of another in memory

    def look() -> None:
        Order.objects.count()
        used.append(connection.connection)

    @app.task
    async def on_the_loop() -> None:
        await sync_to_async(look)()
        await Order.objects.acount()

    @app.task
    def in_a_thread() -> None:
        look()

    jobs: list[Job[Any]] = []
    for _ in range(10):
        jobs += [await on_the_loop.enqueue(), await in_a_thread.enqueue()]
    await house.burst(app)

    assert all([(await end_of(job)).success for job in jobs])
    assert len(used) == 20
    assert len(set(map(id, used))) <= 3


async def test_all_calls_of_one_job_see_the_same_connection(house: House) -> None:
    app = house.app()

    def name() -> tuple[int, str]:
        return id(connection.connection), threading.current_thread().name

    @app.task
    async def look() -> bool:
        await Order.objects.acount()
        seen = {await sync_to_async(name)(), await asyncio.create_task(sync_to_async(name)())}
        return len(seen) == 1

    job = await look.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value is True


@pytest.mark.parametrize("where", ["on the loop", "in a thread"])
async def test_a_transaction_that_a_task_leaves_open_is_rolled_back_and_named(
    house: House, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app(concurrency=1)

    def leave_open() -> None:
        transaction.atomic().__enter__()
        Order.objects.create(name="never")

    @app.task(name="on the loop")
    async def on_the_loop() -> None:
        await sync_to_async(leave_open)()

    @app.task(name="in a thread")
    def in_a_thread() -> None:
        leave_open()

    @app.task
    def keep() -> int:
        return int(Order.objects.create(name="kept").pk)

    with caplog.at_level(logging.WARNING, "ardiq.connections"):
        async with house.working(app):
            left = await app.send(where)
            await end_of(left)
            kept = await end_of(await keep.enqueue())

    assert kept.success
    assert [order.name async for order in Order.objects.all()] == ["kept"]
    (told,) = [record.getMessage() for record in caplog.records if "transaction" in record.getMessage()]
    assert told.startswith(f'job left a transaction open id={left.id} task="{where}" queue={app.queue_name} worker=')
    assert told.endswith("attempt=1 database=default: it is rolled back")


@pytest.mark.parametrize("where", ["on the loop", "in a thread"])
async def test_a_connection_that_died_is_replaced_for_the_next_job(house: House, where: str) -> None:
    app = house.app(concurrency=1)

    def die() -> None:
        with connections["postgres"].cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    def live() -> int:
        return Order.objects.using("postgres").count()

    @app.task(name="on the loop", max_retries=0)
    async def on_the_loop(fatal: bool) -> int | None:
        return await sync_to_async(die if fatal else live)()

    @app.task(name="in a thread", max_retries=0)
    def in_a_thread(fatal: bool) -> int | None:
        return (die if fatal else live)()

    async with house.working(app):
        died = await end_of(await app.send(where, True))
        lived = await end_of(await app.send(where, False))

    assert (died.success, died.value.partition("(")[0]) == (False, "OperationalError")
    assert (lived.success, lived.value) == (True, 0)


async def test_an_error_of_the_database_is_an_ordinary_failure(house: House) -> None:
    app = house.app(concurrency=1)

    @app.task(max_retries=1, backoff_ms=[0])
    async def twice() -> None:
        order = await Order.objects.acreate(name="a")
        await Order.objects.acreate(pk=order.pk, name="b")

    @app.task
    def count() -> int:
        return Order.objects.count()

    async with house.working(app):
        result = await end_of(await twice.enqueue())
        assert (await end_of(await count.enqueue())).value == 2

    assert result.tries == 2
    assert result.error is not None
    assert result.error.error_type == IntegrityError.__name__


async def test_a_job_that_touches_no_database_opens_no_connection(house: House) -> None:
    app = house.app(concurrency=2)

    @app.task
    def opened() -> bool:
        return any(one.connection is not None for one in connections.all(initialized_only=True))

    async with house.working(app):
        assert (await end_of(await opened.enqueue())).value is False


@pytest.mark.usefixtures("lasting")
async def test_a_worker_that_ends_closes_its_connections(house: House) -> None:
    app = house.app(concurrency=2)
    used: list[BaseDatabaseWrapper] = []

    def look() -> None:
        Order.objects.count()
        used.append(connections["default"])

    @app.task
    async def on_the_loop() -> None:
        await sync_to_async(look)()

    app.task(name="in a thread")(look)
    async with house.working(app):
        for name in ("on_the_loop", "in a thread"):
            await end_of(await app.send(name))
        assert len(used) == 2
        assert all(wrapper.connection for wrapper in used)

    assert [wrapper.connection for wrapper in used] == [None, None]
