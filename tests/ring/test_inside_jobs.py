"""Jobs that enqueue jobs, in every way that Django code has to call from one world into the other."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.db import transaction

from ardiq_django import Ardiq, current_task
from tests.contract.conftest import address
from tests.engine.house import House, end_of
from tests.shop.models import Order

__all__ = ["address"]
pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])


@pytest.fixture
async def house(address: str) -> AsyncIterator[House]:
    """A queue on each broker."""
    made = House(address)
    yield made
    await made.close()


def enqueue_sync(name: str) -> str:
    return current_task().app.ref(name).enqueue_sync().id


def enqueue_under_async_to_sync(name: str) -> str:
    job: Any = async_to_sync(current_task().app.ref(name).enqueue)()
    return str(job.id)


def enqueue_in_a_transaction(name: str) -> str:
    with transaction.atomic():
        return enqueue_sync(name)


WAYS = [enqueue_sync, enqueue_under_async_to_sync, enqueue_in_a_transaction]
Way = Callable[[str], str]


def with_follow_up(house: House, enqueue: Way) -> Ardiq:
    app = house.app()

    @app.task
    async def follow_up() -> str:
        return "followed"

    @app.task
    def in_a_thread() -> str:
        return enqueue("follow_up")

    @app.task
    async def on_the_loop() -> str:
        return await sync_to_async(enqueue)("follow_up")

    return app


@pytest.mark.parametrize("where", ["in_a_thread", "on_the_loop"])
@pytest.mark.parametrize("enqueue", WAYS)
async def test_a_job_enqueues_another_from_sync_code(house: House, where: str, enqueue: Way) -> None:
    app = with_follow_up(house, enqueue)

    async with house.working(app):
        first = await end_of(await app.send(where))
        assert first.success, first.value
        second = await end_of(app.job(first.value))

    assert second.value == "followed"


async def test_a_follow_up_of_a_transaction_that_is_undone_never_runs(house: House) -> None:
    app = house.app()

    @app.task
    def follow_up() -> None: ...

    @app.task(max_retries=0)
    def sell() -> None:
        with transaction.atomic():
            Order.objects.create(name="undone")
            ids.append(enqueue_sync("follow_up"))
            raise ValueError("undo")

    ids: list[str] = []
    async with house.working(app):
        result = await end_of(await app.send("sell"))
    assert result.value == "ValueError('undo')"

    assert await app.status(ids[0]) == "not_found"
    assert not await Order.objects.aexists()
