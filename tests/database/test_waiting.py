"""Waking up for what another process wrote, of which no bell of this process tells."""

import asyncio

import pytest

from ardiq_django.brokers.database import DatabaseBroker, intake
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.models import Worker
from ardiq_django.wire import Command, Order
from tests.database.conftest import Outside, job, registered, write

LONG_S = 30.0
SOON_S = 10.0


def test_a_worker_wakes_for_a_job_of_another_process(
    broker: DatabaseBroker, alias: str, outside: Outside, elsewhere: Tables
) -> None:
    async def run() -> None:
        waiting = asyncio.create_task(broker.wait(await registered(broker), LONG_S))
        await broker.size()  # by now it has looked once
        await write(alias, lambda: intake.enqueue(elsewhere, [job()]))
        await asyncio.wait_for(waiting, SOON_S)

    outside(run())


def test_a_worker_wakes_when_a_scheduled_job_is_due(
    broker: DatabaseBroker, alias: str, outside: Outside, elsewhere: Tables
) -> None:
    async def run() -> None:
        await write(alias, lambda: intake.enqueue(elsewhere, [job(delay_ms=300)]))
        await asyncio.wait_for(broker.wait(await registered(broker), LONG_S), SOON_S)

    outside(run())


def test_a_worker_hears_a_command_of_another_process(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    def tell() -> None:
        worker = Worker.objects.using(alias).get(queue=broker.rules.queue)
        worker.post(Command(Order.STOP))
        worker.save(using=alias, update_fields=["mail"])

    async def run() -> list[Command]:
        listening = asyncio.create_task(broker.listen(await registered(broker), LONG_S))
        await broker.size()
        await write(alias, tell)
        return await asyncio.wait_for(listening, SOON_S)

    assert outside(run()) == [Command(Order.STOP)]


def test_a_synchronous_caller_waits_for_an_end_in_its_own_thread(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    staged = job()
    broker.run_sync(broker.enqueue([staged]))

    with pytest.raises(TimeoutError, match=staged.id):
        broker.run_sync(broker.wait_end(staged.id, 0.05))
    outside(broker.abort([staged.id]))
    snapshot = broker.run_sync(broker.wait_end(staged.id, LONG_S))

    assert snapshot is not None
    assert snapshot.end is not None
