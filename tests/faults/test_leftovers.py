"""What is left behind is found, and what somebody owns is not taken for it."""

import asyncio

from redis.asyncio import Redis

from drills.leftovers import leftovers
from tests.contract.keep import Keep
from tests.contract.makers import failure, retrying, success


async def test_what_waits_runs_and_has_ended_belongs_to_somebody(address: str) -> None:
    keep = Keep(address)
    worker, delivery = await keep.running()
    jobs = await keep.put_many(4, delay_ms=0, expire_ms=60_000)
    await keep.put(delay_ms=60_000)
    await worker.settle(retrying(delivery, 60_000))
    one, two = await worker.claim(2)
    await worker.settle(success(one), failure(two))
    await worker.claim(1)
    await keep.broker.abort([jobs[-1].id])

    assert await leftovers(keep.broker) == []

    keep.outlast_lease()
    assert len(await leftovers(keep.broker)) == 1  # the lease is over
    await keep.broker.reap()
    assert await leftovers(keep.broker) == []
    await keep.close()


async def test_a_job_whose_worker_is_unknown_is_found(address: str) -> None:
    keep = Keep(address)
    worker, delivery = await keep.running()
    if address.startswith("database"):
        await asyncio.to_thread(_forget_row, address, worker.epoch)
    else:
        async with Redis.from_url(address) as client:
            await client.zrem(f"ardiq:{{{keep.rules.queue}}}:workers", worker.epoch)
            await client.hset(f"ardiq:{{{keep.rules.queue}}}:jobs", "lost", b"of nobody")

    found = await leftovers(keep.broker)

    assert f"job {delivery.job.id} runs at {worker.epoch}, which is no worker" in found
    assert address.startswith("database") or "job lost stands in 0 places" in found
    await keep.close()


def _forget_row(address: str, epoch: str) -> None:
    from django.db import connections

    connection = connections[address.partition("://")[2]]
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM ardiq_worker WHERE epoch = %s", [epoch])
    connection.close()
