"""Behind a pooler of transactions, where each transaction may meet another server connection."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_django
from django.db import transaction

from ardiq_django import Ardiq, Job, State
from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.brokers.database.listening import ListeningExecutor
from ardiq_django.clock import new_epoch
from ardiq_django.wire import Acceptance, Answer, Exchange, News, WorkerCard
from tests.contract.makers import failure, retrying, success
from tests.database.conftest import job
from tests.database.pooler import MISSING, PgBouncer, find_pgbouncer
from tests.database.servers import alias_of, make_tables
from tests.engine.house import House, end_of
from tests.services import PostgresServer

pytestmark = pytest.mark.skipif(find_pgbouncer() is None, reason=MISSING)


@pytest.fixture(scope="module")
def pooler() -> Iterator[PgBouncer]:
    server = PostgresServer()
    server.start()
    made = PgBouncer(server)
    made.start()
    yield made
    made.stop()
    server.stop()


@pytest.fixture
def alias(pooler: PgBouncer, django_db_blocker: pytest_django.DjangoDbBlocker) -> Iterator[str]:
    place = {"HOST": "127.0.0.1", "PORT": pooler.port, "DISABLE_SERVER_SIDE_CURSORS": True}
    with django_db_blocker.unblock(), alias_of(pooler.behind, **place) as alias:
        make_tables(alias)
        yield alias


@pytest.fixture
async def house(alias: str) -> AsyncIterator[House]:
    made = House(f"database://{alias}")
    yield made
    await made.close()


async def test_verbs_of_many_brokers_share_few_connections(alias: str) -> None:
    rules = QueueRules("pooled")
    brokers = [DatabaseBroker(f"database://{alias}", rules) for _ in range(4)]
    epochs = [new_epoch() for _ in brokers]
    jobs = [job() for _ in range(40)]
    assert await brokers[0].enqueue(jobs) == [Acceptance.CREATED] * 40
    assert await brokers[0].enqueue(jobs[:1]) == [Acceptance.EXISTING]

    async def work(broker: DatabaseBroker, epoch: str) -> list[str]:
        await broker.register(WorkerCard(epoch, epoch))
        done: list[str] = []
        for call in range(1, 11):
            turn = await broker.exchange(Exchange(epoch, 2 * call, epoch, (), 1, ("default",)))
            await broker.beat(epoch, 2 * call, {one.job.id: one.claim for one in turn.deliveries}, News())
            outcomes = [success(one) if call % 5 else failure(one) for one in turn.deliveries]
            settled = await broker.exchange(Exchange(epoch, 2 * call + 1, epoch, outcomes))
            assert set(settled.answers) <= {Answer.DONE}
            done += [one.job.id for one in turn.deliveries]
        await broker.leave(epoch)
        return done

    done = await asyncio.gather(*map(work, brokers, epochs))
    counts = await brokers[0].counts()
    executors = [broker._rest._executor for broker in brokers]
    for broker in brokers:
        await broker.close()

    assert sorted(job_id for some in done for job_id in some) == sorted(one.id for one in jobs)
    assert (counts[State.SUCCEEDED], counts[State.FAILED]) == (32, 8)
    assert not any(isinstance(executor, ListeningExecutor) for executor in executors)


async def test_a_claim_and_a_retry_survive_a_change_of_connections(alias: str) -> None:
    broker = DatabaseBroker(f"database://{alias}", QueueRules("pooled-again"))
    epoch = new_epoch()
    await broker.register(WorkerCard(epoch, "anna"))
    await broker.enqueue([job()])

    for call in range(1, 30):
        turn = await broker.claim(Exchange(epoch, 2 * call - 1, "anna", (), 1, ("default",)), 10)
        (delivery,) = turn.deliveries
        answers = (await broker.exchange(Exchange(epoch, 2 * call, "anna", [retrying(delivery)]))).answers
        assert answers == [Answer.DONE]
    await broker.close()

    assert delivery.tries == 29


async def test_workers_and_producers_go_through_it_from_end_to_end(house: House, alias: str) -> None:
    apps = [house.app(concurrency=4) for _ in range(3)]
    ran: list[int] = []

    def declare(app: Ardiq) -> None:
        @app.task(max_retries=2)
        async def note(number: int) -> int:
            ran.append(number)
            return number

        @app.task
        def count(number: int) -> int:
            return number + 1

    for app in apps:
        declare(app)
    note, count = apps[0].ref("note"), apps[0].ref("count")

    async with house.working(*apps):
        jobs = await apps[0].enqueue_many([note.prepare(number) for number in range(300)])
        late = await count.options(delay_ms=300).enqueue(1)
        sold = await house.in_thread(lambda: _sold(apps[0], alias))
        results = [await end_of(one) for one in (*jobs, late, sold)]
        held = await note.options(delay_ms=60_000).enqueue(-1)
        assert await held.abort()

    assert all(result.success for result in results)
    assert sorted(ran) == [*range(300), 300]
    assert results[-2].value == 2


def _sold(app: Ardiq, alias: str) -> Job[Any]:
    with transaction.atomic(using=alias):
        return app.ref("note").enqueue_sync(300)


async def test_a_pooler_that_restarts_is_worked_through_again(house: House, pooler: PgBouncer) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> int:
        return number

    async with house.working(app):
        first = await end_of(await note.enqueue(1))
        await asyncio.to_thread(pooler.kill)
        await asyncio.to_thread(pooler.start)
        second = await end_of(await note.enqueue(2))

    assert (first.value, second.value) == (1, 2)
