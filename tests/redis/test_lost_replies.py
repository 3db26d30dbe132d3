"""A reply that is lost after its command was done: whatever is asked again changes nothing the second time."""

from functools import partial

import pytest

from ardiq_django.brokers.base import Broker
from ardiq_django.clock import new_epoch
from ardiq_django.exceptions import BrokerError
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.wire import Delivery, Occurrence, Outcome, WorkerCard
from tests.contract.keep import LEASE_MS, Keep, Worker
from tests.contract.makers import failure, retrying, success
from tests.redis.callers import insist
from tests.redis.proxy import Proxy

MANY = 100  # commands, more than the day has


async def turn(worker: Worker, *outcomes: Outcome, want: int = 5) -> dict[str, Delivery]:
    try:
        answer = await worker.exchange(*outcomes, want=want)
    except BrokerError:
        answer = await insist(worker.repeat)
    return {delivery.job.id: delivery for delivery in answer.deliveries}


async def begin(broker: Broker, name: str) -> Worker:
    card = WorkerCard(new_epoch(), name)
    await insist(lambda: broker.register(card))
    return Worker(broker, card)


async def day(keep: Keep) -> None:
    """Six jobs and two workers, one of which dies."""
    broker = keep.broker
    anna, bert = await begin(broker, "anna"), await begin(broker, "bert")
    jobs = [keep.job(id=name) for name in ("works", "fails", "stumbles", "orphan", "unwanted")]
    nightly = Occurrence("nightly", keep.now_ms, keep.job(id="nightly"))
    await insist(lambda: broker.enqueue(jobs))
    await insist(lambda: broker.abort(["unwanted"]))
    first = await turn(anna, want=3)
    await turn(bert, want=1)
    await insist(lambda: broker.stage([nightly]))
    await turn(anna, success(first["works"]), failure(first["fails"]), retrying(first["stumbles"]), want=0)
    keep.travel(LEASE_MS - 1_000)
    await insist(anna.beat)
    keep.travel(2_000)
    await insist(broker.reap)
    orphan = await turn(anna)
    rest = await turn(anna, *map(success, orphan.values()))
    await turn(anna, *map(success, rest.values()))
    await insist(anna.leave)
    await insist(broker.sweep)


async def check(keep: Keep) -> None:
    page = await keep.broker.page(Query())
    seen = {row.job.id: (row.state, row.tries, row.crashes, len(row.attempts)) for row in page.rows}
    assert seen == {
        "works": (State.SUCCEEDED, 1, 0, 0),
        "fails": (State.FAILED, 1, 0, 1),
        "stumbles": (State.SUCCEEDED, 2, 0, 1),
        "orphan": (State.SUCCEEDED, 1, 1, 1),
        "unwanted": (State.ABORTED, 0, 0, 0),
        "nightly": (State.SUCCEEDED, 1, 0, 0),
    }
    assert (page.total, await keep.broker.size(), await keep.broker.workers()) == (6, 0, [])


@pytest.mark.parametrize("number", [pytest.param(1, id="sent-again-unseen"), pytest.param(2, id="told-to-the-caller")])
async def test_nothing_happens_twice(clean_redis_url: str, number: int) -> None:
    lost = 0
    for first in range(1, MANY):
        async with Proxy(clean_redis_url, first, number) as proxy:
            keep = Keep(proxy.address)

            await day(keep)

            await insist(partial(check, keep))
            await keep.close()
            lost += proxy.has_cut
    assert 15 < lost < MANY - 10


async def test_what_a_dying_reaper_leaves_is_taken_back_by_the_next(clean_redis_url: str) -> None:
    died = 0
    for first in range(1, 12):
        keep = Keep(clean_redis_url)
        jobs = await keep.put_many(3)
        await (await keep.worker()).claim(3)
        keep.outlast_lease()
        async with Proxy(clean_redis_url, first, dies=True) as proxy:
            reaper = Keep(proxy.address)
            reaper.travel(LEASE_MS + 1_000)
            try:
                await reaper.ruled(queue=keep.rules.queue).reap()
            except BrokerError:
                died += 1
            await reaper.close()

        await keep.broker.reap()

        snapshots = [await keep.get(job.id) for job in jobs]
        assert [(one.state, one.crashes, len(one.attempts)) for one in snapshots] == [(State.QUEUED, 1, 1)] * 3
        assert await keep.broker.workers() == []
        await keep.close()
    assert died > 4
