"""Somebody keeps a transaction open: its snapshot holds back what a database would clean up, and nothing else."""

import asyncio
import threading

import pytest
from django.db import connections, transaction

from ardiq_django.models import Job
from tests.contract.conftest import on_database
from tests.engine.house import SOON_S, House, end_of, seen


def keep_open(alias: str, begun: threading.Event, let_go: threading.Event) -> None:
    """Read all jobs in a transaction, and stay in it."""
    try:
        with transaction.atomic(using=alias):
            with connections[alias].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            Job.objects.using(alias).count()
            begun.set()
            assert let_go.wait(SOON_S * 4)
    finally:
        connections[alias].close()


@pytest.mark.parametrize("address", [on_database("postgres", "postgres")], indirect=True)
async def test_jobs_go_on_beside_a_transaction_that_stays_open(house: House) -> None:
    app = house.app(idle_timeout_ms=30_000)
    begun, let_go = threading.Event(), threading.Event()

    @app.task(max_retries=1, backoff_ms=[1])
    async def note(number: int) -> int:
        if number % 3 == 0 and number not in failed:
            failed.add(number)
            raise OSError("the first time")
        return number

    failed: set[int] = set()
    waiting = [await note.enqueue(number) for number in range(50)]
    keeper = asyncio.create_task(asyncio.to_thread(keep_open, "postgres", begun, let_go))
    try:
        await seen(begun)
        async with house.working(app):
            later = await app.enqueue_many(note.prepare(number) for number in range(50, 100))
            results = [await end_of(job) for job in (*waiting, *later)]
        assert not keeper.done()
    finally:
        let_go.set()
        await keeper

    assert [result.value for result in results] == list(range(100))
