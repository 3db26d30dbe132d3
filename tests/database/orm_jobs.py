"""Tasks that use the ORM in every way, for a worker process of hygiene tests: PostgreSQL is its default database."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from asgiref.sync import async_to_sync, sync_to_async
from django.db import ProgrammingError, connection, transaction

from ardiq_django import Ardiq, current_task
from tests.shop.models import Order

app = Ardiq(os.environ.get("ARDIQ_TEST_BROKER", "memory://"), queue_name=os.environ.get("ARDIQ_TEST_QUEUE", "orm"))
arrived: list[int] = []
if "ARDIQ_TEST_QUEUE" in os.environ:  # code that a worker loads may look into the database at once
    Order.objects.count()


def tell(sql: str) -> list[object]:
    """The first row that a statement answers with."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchone() or ())


def connections_now() -> int:
    """How many connections this process has, as the server counts them."""
    return int(
        str(
            tell(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE application_name = current_setting('application_name') AND backend_type = 'client backend'"
            )[0]
        )
    )


def backend() -> int:
    return int(str(tell("SELECT pg_backend_pid()")[0]))


def awaited(slots: int) -> int:
    """Arrive; the number of jobs that must have arrived before any of these slots goes on."""
    arrived.append(1)
    return -(-len(arrived) // slots) * slots


@app.task(max_retries=0)
def in_a_thread(slots: int) -> int:
    """Use the ORM, and while all slots do so, count the connections."""
    Order.objects.create(name="thread")
    number = awaited(slots)
    while len(arrived) < number:
        time.sleep(0.005)
    async_to_sync(Order.objects.acount)()
    return connections_now()


@app.task(max_retries=0)
async def on_the_loop(slots: int) -> int:
    """The same with the ORM's coroutines, several of them at once."""
    order = await Order.objects.acreate(name="loop")
    number = awaited(slots)
    while len(arrived) < number:  # noqa: ASYNC110 (threads arrive as well)
        await asyncio.sleep(0.005)
    await asyncio.gather(*(Order.objects.aget(pk=order.pk) for _ in range(5)), Order.objects.acount())
    names = [found.name async for found in Order.objects.filter(pk=order.pk)]
    names += [found.name async for found in Order.objects.filter(pk=order.pk).aiterator(1)]
    assert names == ["loop"] * 2
    return await sync_to_async(connections_now)()


@app.task(max_retries=0)
def backend_in_a_thread() -> int:
    """Which connection a sync job has."""
    return backend()


@app.task(max_retries=0)
async def backend_on_the_loop() -> int:
    """Which connection an async job has."""
    return await sync_to_async(backend)()


def die() -> None:
    Order.objects.count()
    tell("SELECT pg_terminate_backend(pg_backend_pid())")


@app.task(max_retries=0)
def die_in_a_thread() -> None:
    """Lose the connection in the middle."""
    with transaction.atomic():
        die()


@app.task(max_retries=0)
async def die_on_the_loop() -> None:
    await Order.objects.acount()
    await sync_to_async(die)()


def enter_atomic() -> None:
    transaction.atomic().__enter__()
    Order.objects.update(name="locked")


def turn_autocommit_off() -> None:
    transaction.set_autocommit(False)
    Order.objects.update(name="locked")


def begin_by_hand() -> None:
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
    tell("UPDATE shop_order SET name = 'locked' RETURNING 1")


def fail_in_atomic() -> None:
    """Leave a transaction that the server gave up."""
    transaction.atomic().__enter__()
    Order.objects.update(name="locked")
    with suppress(ProgrammingError):
        tell("SELECT nonsense")


WAYS = {way.__name__: way for way in (enter_atomic, turn_autocommit_off, begin_by_hand, fail_in_atomic)}


@app.task
def leave_open_in_a_thread(way: str) -> int:
    """Begin a transaction and leave it so."""
    WAYS[way]()
    return 1


@app.task
async def leave_open_on_the_loop(way: str) -> int:
    await sync_to_async(WAYS[way])()
    return 1


@app.task
def rename(name: str) -> int:
    """Take the lock that others may have left."""
    tell("SELECT set_config('lock_timeout', '5s', false)")
    return Order.objects.update(name=name)


@app.task
async def spread_over_threads(number: int) -> int:
    """ORM calls in threads that are nobody's."""
    calls = [asyncio.to_thread(Order.objects.count) for _ in range(number)]
    calls += [sync_to_async(Order.objects.count, thread_sensitive=False)() for _ in range(number)]
    return len(await asyncio.gather(*calls))


kept: list[threading.Thread] = []


@app.task
def make_threads(number: int) -> int:
    """Threads of the job's own, which end with it and close nothing."""
    threads = [threading.Thread(target=Order.objects.count) for _ in range(number)]
    for thread in threads:
        thread.start()
    kept.extend(threads)  # an object that stays must not keep what its thread had
    for thread in threads:
        thread.join()
    return len(threads)


@app.task
def make_a_thread_pool(number: int) -> int:
    """The same with an executor."""
    with ThreadPoolExecutor(number) as pool:
        return len(list(pool.map(lambda _: Order.objects.count(), range(number))))


left_behind: list["asyncio.Task[int]"] = []


@app.task
async def leave_a_coroutine_behind(sign: str) -> None:
    """It opens a connection when the job is over."""

    async def later() -> int:
        while not Path(sign).exists():  # noqa: ASYNC110, ASYNC240 (a file announces nothing)
            await asyncio.sleep(0.01)
        return await Order.objects.acount()

    left_behind.append(asyncio.create_task(later()))


@app.task
def nothing() -> None:
    """Touch no database."""


@app.task(max_retries=1, backoff_ms=[0])
async def die_once() -> None:
    """Lose the connection on the first attempt."""
    await Order.objects.acount()
    if current_task().tries == 1:
        await sync_to_async(die)()
    await Order.objects.acount()


@app.task
async def leave_open_in_a_loops_thread() -> None:
    """In a thread that is nobody's."""
    await asyncio.to_thread(enter_atomic)


@app.task
def driver() -> str:
    """Which one Django has taken."""
    return str(getattr(connection, "Database").__name__)  # noqa: B009 (not on every database)
