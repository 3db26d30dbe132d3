"""The transaction of an atomic task among the verbs of its broker."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import new_epoch, new_id, now_ms
from ardiq_django.exceptions import ConfigError
from ardiq_django.results import State
from ardiq_django.wire import FORMAT, Acceptance, Answer, Delivery, Exchange, StagedJob, Succeeded, WorkerCard
from tests.engine.house import House, seen
from tests.exactly.conftest import ALIASES, on
from tests.exactly.effects import apart, bought, buy

SERVERS = pytest.mark.parametrize("alias", [on(alias) for alias in ALIASES if alias != "default"])
LEASE_MS = 60_000


class Undone(Exception):
    """Nothing of the transaction is to stay."""


@pytest.fixture
async def broker(alias: str) -> AsyncIterator[DatabaseBroker]:
    made = DatabaseBroker(f"database://{alias}", QueueRules(f"t-{new_id()}", lease_ms=LEASE_MS))
    yield made
    await made.close()


async def claimed(broker: DatabaseBroker, number: int) -> tuple[str, list[Delivery]]:
    """So many jobs in the hands of a worker."""
    epoch = new_epoch()
    await broker.register(WorkerCard(epoch, "a"))
    jobs = [StagedJob(FORMAT, new_id(), "t", "default", b"\x92\x90\x80", now_ms()) for _ in range(number)]
    assert await broker.enqueue(jobs) == [Acceptance.CREATED] * number
    turn = await broker.exchange(Exchange(epoch, 1, "a", want=number, lanes=["default"]))
    return epoch, list(turn.deliveries)


def success(delivery: Delivery) -> Succeeded:
    return Succeeded(delivery, now_ms(), now_ms(), b"\xc0", -1)


def complete(broker: DatabaseBroker, epoch: str, delivery: Delivery) -> bool:
    """An effect, and the end of its job."""
    try:
        with broker.completion(epoch, "a") as completion:
            buy(broker.address.partition("://")[2], delivery.job.id)
            if not completion.write(success(delivery)):
                raise Undone
    except Undone:
        pass
    return completion.is_committed


async def effects(alias: str, delivery: Delivery) -> int:
    return await apart(lambda: bought(alias, delivery.job.id))


async def test_both_are_there_or_neither(broker: DatabaseBroker, alias: str) -> None:
    epoch, (mine, reaped) = await claimed(broker, 2)

    assert await apart(lambda: complete(broker, epoch, mine))
    await broker.reap([epoch])
    assert not await apart(lambda: complete(broker, epoch, reaped))

    snapshots = [await broker.get(one.job.id) for one in (mine, reaped)]
    assert [one.state for one in snapshots if one] == [State.SUCCEEDED, State.QUEUED]
    assert [await effects(alias, one) for one in (mine, reaped)] == [1, 0]


async def test_only_the_current_claim_completes(broker: DatabaseBroker, alias: str) -> None:
    epoch, (stale,) = await claimed(broker, 1)
    await broker.reap([epoch])
    other = new_epoch()
    await broker.register(WorkerCard(other, "b"))
    (current,) = (await broker.exchange(Exchange(other, 1, "b", want=1, lanes=["default"]))).deliveries

    assert not await apart(lambda: complete(broker, epoch, stale))
    assert await apart(lambda: complete(broker, other, current))
    assert not await apart(lambda: complete(broker, other, current))

    assert await effects(alias, current) == 1


async def test_an_outcome_that_is_told_after_it_is_stale(broker: DatabaseBroker) -> None:
    epoch, (delivery,) = await claimed(broker, 1)
    await apart(lambda: complete(broker, epoch, delivery))

    turn = await broker.exchange(Exchange(epoch, 2, "a", [success(delivery)]))

    assert turn.answers == [Answer.STALE]


@SERVERS
async def test_a_reap_passes_by_what_is_about_to_be_committed(broker: DatabaseBroker, alias: str) -> None:
    epoch, (slow, other) = await claimed(broker, 2)
    written, go_on = threading.Event(), threading.Event()

    def freeze() -> None:
        with broker.completion(epoch, "a") as completion:
            buy(alias, slow.job.id)
            assert completion.write(success(slow))
            written.set()
            go_on.wait(15)

    frozen = asyncio.create_task(apart(freeze))
    await seen(written)
    try:
        broker.skew_ms += 2 * LEASE_MS
        async with asyncio.timeout(10):
            assert await broker.reap() == 1
    finally:
        go_on.set()
        await frozen

    assert await broker.reap() == 0
    snapshots = [await broker.get(one.job.id) for one in (slow, other)]
    assert [one.state for one in snapshots if one] == [State.SUCCEEDED, State.QUEUED]
    assert await broker.workers() == []
    assert await effects(alias, slow) == 1


@pytest.mark.parametrize("address", ["memory://", "redis://localhost:1/0"])
def test_other_brokers_say_what_to_use(address: str) -> None:
    with pytest.raises(ConfigError, match=r"use once\(\)"):
        House(address).app().broker.completion("e", "w")
