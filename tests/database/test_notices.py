"""On PostgreSQL a notice wakes who sleeps; without one, and after a connection was lost, a look now and then does."""

import asyncio
from collections.abc import Callable

import pytest
from django.db import connections

from ardiq_django.brokers.database import DatabaseBroker, intake, leases, waiting, wishes
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.wire import Command, Order
from tests.database.conftest import ON_POSTGRES, Outside, job, registered, write

LONG_S = 30.0
SOON_S = 10.0

pytestmark = [pytest.mark.parametrize("alias", ["postgres"]), ON_POSTGRES]


@pytest.fixture
def no_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks again by himself."""
    monkeypatch.setattr(waiting, "SHORTEST_S", LONG_S)
    monkeypatch.setattr(waiting, "LONGEST_S", LONG_S)
    monkeypatch.setattr(waiting, "LISTEN_S", (LONG_S, LONG_S))


async def listening(broker: DatabaseBroker) -> str:
    """An epoch whose broker hears notices."""
    epoch = await registered(broker)
    await broker.wait(epoch, 0.01)
    await broker.size()
    return epoch


@pytest.mark.usefixtures("no_looks")
@pytest.mark.parametrize("number", [1, 300])
def test_a_sleeping_worker_hears_of_jobs(
    broker: DatabaseBroker,
    alias: str,
    outside: Outside,
    elsewhere: Tables,
    number: int,
) -> None:
    async def run() -> None:
        sleeping = asyncio.create_task(broker.wait(await listening(broker), LONG_S))
        await broker.size()
        await write(alias, lambda: intake.enqueue(elsewhere, [job() for _ in range(number)]))
        await asyncio.wait_for(sleeping, SOON_S)

    outside(run())


@pytest.mark.usefixtures("no_looks")
def test_nobody_hears_of_a_job_before_its_transaction_commits(
    broker: DatabaseBroker,
    alias: str,
    outside: Outside,
    elsewhere: Tables,
) -> None:
    async def run() -> None:
        sleeping = asyncio.create_task(broker.wait(await listening(broker), LONG_S))
        await broker.size()

        def enqueue_slowly() -> None:
            with elsewhere.atomic():
                intake.enqueue(elsewhere, [job()])
                asyncio.run_coroutine_threadsafe(broker.size(), loop).result()
                assert not sleeping.done()

        loop = asyncio.get_running_loop()
        await write(alias, enqueue_slowly)
        await asyncio.wait_for(sleeping, SOON_S)

    outside(run())


@pytest.mark.usefixtures("no_looks")
@pytest.mark.parametrize(
    "tell",
    [
        lambda tables, epoch: leases.tell(tables, epoch, Command(Order.QUIET)),
        lambda tables, epoch: wishes.set_paused(tables, False),
    ],
    ids=["a command", "a queue that is resumed"],
)
def test_a_sleeping_worker_hears_of_commands_and_wishes(
    broker: DatabaseBroker,
    alias: str,
    outside: Outside,
    elsewhere: Tables,
    tell: Callable[[Tables, str], object],
) -> None:
    async def run() -> None:
        epoch = await listening(broker)
        heard = asyncio.create_task(broker.listen(epoch, LONG_S))
        with broker._tables.bells.work.listener() as ear:
            await broker.size()
            await write(alias, lambda: tell(elsewhere, epoch))
            woken = asyncio.create_task(ear.rung(LONG_S))
            done, left = await asyncio.wait({heard, woken}, timeout=SOON_S, return_when=asyncio.FIRST_COMPLETED)
        for task in left:
            task.cancel()
        await asyncio.wait([heard, woken])
        assert done

    outside(run())


def test_a_lost_connection_listens_again(
    broker: DatabaseBroker,
    alias: str,
    outside: Outside,
    elsewhere: Tables,
) -> None:
    def end_all_others() -> None:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND datname = current_database()"
            )

    async def run() -> None:
        epoch = await listening(broker)
        await write(alias, end_all_others)
        await listening(broker)
        sleeping = asyncio.create_task(broker.wait(epoch, LONG_S))
        await broker.size()
        await write(alias, lambda: intake.enqueue(elsewhere, [job()]))
        await asyncio.wait_for(sleeping, SOON_S)

    outside(run())
