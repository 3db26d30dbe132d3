"""How a queue stands, and how many jobs of a query are in each state."""

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from tests.contract.keep import Keep
from tests.contract.makers import success


async def test_the_vitals_tell_how_a_queue_stands(keep: Keep) -> None:
    worker = await keep.worker()
    await keep.put_many(3)
    running = await worker.claim(2)
    (first,) = await keep.put_many(1, delay_ms=60_000)
    keep.travel(5_000)

    before = await keep.broker.vitals()
    await keep.broker.pause()
    await worker.settle(success(running[0]))
    after = await keep.broker.vitals()

    assert before.counts == await keep.second().counts() | {State.RUNNING: 2, State.SUCCEEDED: 0}
    assert (before.is_paused, before.held) == (False, {worker.epoch: 2})
    assert before.oldest_wait_ms is not None
    assert 5_000 <= before.oldest_wait_ms < 35_000
    assert (after.is_paused, after.held, after.counts[State.SUCCEEDED]) == (True, {worker.epoch: 1}, 1)
    assert (await keep.broker.count(Query())).by_state == after.counts
    assert first.id not in {one.job.id for one in running}


async def test_the_oldest_of_any_lane_counts_and_none_that_was_aborted(keep: Keep) -> None:
    jobs = [await keep.put(lane="low")]
    keep.travel(5_000)
    now_ms = keep.now_ms
    jobs += [await keep.put(lane=lane, enqueued_ms=now_ms) for lane in ("high", "low")]

    of_low = (await keep.broker.vitals()).oldest_wait_ms
    await keep.broker.abort([jobs[0].id])
    of_high = (await keep.broker.vitals()).oldest_wait_ms
    await keep.broker.abort([job.id for job in jobs])

    assert of_low is not None
    assert of_high is not None
    assert of_low >= 5_000 > of_high
    assert (await keep.broker.vitals()).oldest_wait_ms is None


async def test_a_query_is_counted_by_state(keep: Keep) -> None:
    await keep.put_many(3, task="shop.pack")
    await keep.put_many(2, task="shop.ship", delay_ms=60_000)
    await (await keep.worker()).settle()
    queued, scheduled = State.QUEUED, State.SCHEDULED
    both = (queued, scheduled)

    assert (await keep.broker.count(Query(both))).by_state == {queued: 3, scheduled: 2}
    assert (await keep.broker.count(Query(both, task="shop.ship"))).by_state == {queued: 0, scheduled: 2}
    assert (await keep.broker.count(Query(both, text="PACK"))).by_state == {queued: 3, scheduled: 0}
    assert (await keep.broker.count(Query(both, since_ms=keep.now_ms + 30_000))).by_state == {queued: 0, scheduled: 2}
    assert (await keep.broker.count(Query(both, until_ms=keep.now_ms + 30_000))).number == 3
