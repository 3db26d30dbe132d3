"""A24: 22 workers that begin, work and end, half of them without a word; what the store keeps is what it kept."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from redis.asyncio import Redis

from ardiq_django import Ardiq
from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.clock import new_epoch, now_ms
from ardiq_django.wire import Exchange, WorkerCard
from drills.leftovers import leftovers
from tests.contract.conftest import ADDRESSES, BROKERS
from tests.engine.house import House, end_of

WORKERS = 22
LEASE_MS = 30_000


@pytest.fixture(params=BROKERS)
def address(request: pytest.FixtureRequest) -> str:
    """Where each broker keeps its queues, as a user who may look at all there is."""
    name: str = request.param
    return ADDRESSES.get(name) or str(request.getfixturevalue("redis_url"))


async def served(house: House, name: str) -> None:
    """A worker that does one job, which is forgotten then, and ends."""
    app = house.app(worker_id=name, idle_timeout_ms=LEASE_MS)

    @app.task
    async def note() -> None: ...

    job = await note.enqueue()
    await house.burst(app)
    await end_of(job)
    await app.broker.delete([job.id])


async def lost(house: House, app: Ardiq, name: str) -> None:
    """A worker that claims a job and is never heard of again; the job is forgotten as well."""
    epoch = new_epoch()
    await app.broker.register(WorkerCard(epoch, name, "host", 7, 1, now_ms()))
    job = await app.ref("note").enqueue()
    turn = await app.broker.exchange(Exchange(epoch, 1, name, (), 1, app.priorities))
    assert len(turn.deliveries) == 1
    house.travel(LEASE_MS + 1_000)
    assert await app.broker.reap() == 1
    await app.broker.delete([job.id])


async def kept(app: Ardiq) -> Counter[str]:
    """How much there is of what; of figures, whose buckets go by themselves, not."""
    if isinstance(app.broker, MemoryBroker):
        return Counter({"jobs": len(app.broker._jobs.entries), "workers": len(app.broker._workers)})
    if app.address.startswith("database"):
        return await asyncio.to_thread(rows, app)
    return await keys(app)


async def keys(app: Ardiq) -> Counter[str]:
    prefix = f"ardiq:{{{app.queue_name}}}:"
    sizes = {"hash": "HLEN", "zset": "ZCARD", "list": "LLEN", "set": "SCARD", "string": "STRLEN"}
    client: Any = Redis.from_url(app.address, decode_responses=True)
    async with client:
        found = {key: await client.type(key) async for key in client.scan_iter(f"{prefix}*", 1_000)}
        counted = {key: await client.execute_command(sizes[kind], key) for key, kind in found.items()}
    names = {key.removeprefix(prefix): number for key, number in counted.items()}
    return Counter({name: number for name, number in names.items() if not name.startswith("stat:")})


def rows(app: Ardiq) -> Counter[str]:
    from django.db import connections

    from ardiq_django.models import Attempt, Job, Worker

    alias = app.address.partition("://")[2]
    try:
        mine = {model.__name__: model.objects.using(alias).filter(queue=app.queue_name) for model in (Job, Worker)}
        numbers = Counter({name: found.count() for name, found in mine.items()})
        numbers["Attempt"] = Attempt.objects.using(alias).count()
        return numbers
    finally:
        connections.close_all()


async def test_a_store_is_after_22_workers_what_it_was_after_the_first(house: House) -> None:
    app = house.app(idle_timeout_ms=LEASE_MS)
    await served(house, "first")
    before = await kept(app)

    for number in range(WORKERS // 2):
        await served(house, f"w-{number}")
        await lost(house, app, f"l-{number}")
    await app.broker.sweep()

    assert await kept(app) == before
    assert await leftovers(app.broker) == []
    assert await app.broker.workers() == []
