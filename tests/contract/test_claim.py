"""Who gets what, and in which order."""

from ardiq_django.results import State
from tests.contract.keep import Keep, ids
from tests.contract.makers import released, retrying, success


async def test_jobs_of_a_lane_leave_it_in_the_order_they_came(keep: Keep) -> None:
    jobs = [*await keep.put_many(3), *await keep.put_many(2)]
    worker = await keep.worker()

    claimed = ids(await worker.claim(2) + await worker.claim(9))

    assert claimed == [job.id for job in jobs]


async def test_lanes_are_served_in_the_order_given(keep: Keep) -> None:
    low, default, high = [await keep.put(lane=lane) for lane in ("low", "default", "high")]
    worker = await keep.worker()

    claimed = await worker.claim(1, lanes=("default", "high", "low")) + await worker.claim(9)

    assert ids(claimed) == [default.id, high.id, low.id]


async def test_a_lane_is_emptied_before_the_next_is_served(keep: Keep) -> None:
    low = await keep.put_many(2, lane="low")
    high = await keep.put_many(2, lane="high")

    claimed = ids(await (await keep.worker()).claim(3))

    assert claimed == [high[0].id, high[1].id, low[0].id]


async def test_a_cap_leaves_room_for_the_lanes_after_it(keep: Keep) -> None:
    high = await keep.put_many(3, lane="high")
    low = await keep.put_many(3, lane="low")

    claimed = ids(await (await keep.worker()).claim(4, caps={"high": 2}))

    assert claimed == [high[0].id, high[1].id, low[0].id, low[1].id]


async def test_a_cap_of_nothing_closes_a_lane_for_this_turn(keep: Keep) -> None:
    high = await keep.put(lane="high")
    worker = await keep.worker()

    closed, open_ = await worker.claim(4, caps={"high": 0}), await worker.claim(4)

    assert closed == []
    assert ids(open_) == [high.id]


async def test_no_more_is_handed_out_than_wanted(keep: Keep) -> None:
    await keep.put_many(5)
    worker = await keep.worker()

    claimed = await worker.claim(3)

    assert len(claimed) == 3
    assert (await keep.broker.counts())[State.QUEUED] == 2


async def test_wanting_nothing_gets_nothing(keep: Keep) -> None:
    job = await keep.put()
    worker = await keep.worker()

    claimed = await worker.claim(0)

    assert claimed == []
    assert await keep.state(job.id) is State.QUEUED


async def test_a_lane_that_is_not_served_keeps_its_jobs(keep: Keep) -> None:
    job = await keep.put(lane="retired")
    worker = await keep.worker()

    unserved = await worker.claim(5)
    state = await keep.state(job.id)
    served = await worker.claim(5, lanes=("retired",))

    assert unserved == []
    assert state is State.QUEUED
    assert ids(served) == [job.id]


async def test_serving_an_unknown_lane_does_no_harm(keep: Keep) -> None:
    job = await keep.put()

    claimed = await (await keep.worker()).claim(5, lanes=("nobody-uses-it", "default"))

    assert ids(claimed) == [job.id]


async def test_a_claim_makes_the_job_running_in_its_workers_name(keep: Keep) -> None:
    before = keep.now_ms
    worker, delivery = await keep.running("anna")

    snapshot = await keep.get(delivery.job.id)

    assert snapshot.state is State.RUNNING
    assert snapshot.worker == "anna"
    assert before - 1_000 <= snapshot.start_ms <= keep.now_ms + 1_000
    assert delivery.claim == worker.call


async def test_two_workers_never_get_the_same_job(keep: Keep) -> None:
    jobs = await keep.put_many(6)
    anna, bert = await keep.worker("anna"), await keep.worker("bert", keep.second())

    first, second, rest = await anna.claim(2), await bert.claim(2), await anna.claim(9)

    assert ids(first + second + rest) == [job.id for job in jobs]


async def test_a_retried_job_goes_to_the_tail(keep: Keep) -> None:
    first, second = await keep.put_many(2)
    worker = await keep.worker()
    delivery = await worker.claim_one()

    turn = await worker.exchange(retrying(delivery, 0), want=5)

    assert ids(turn.deliveries) == [second.id, first.id]


async def test_a_released_job_goes_to_the_head(keep: Keep) -> None:
    first, second = await keep.put_many(2)
    worker = await keep.worker()
    delivery = await worker.claim_one()

    turn = await worker.exchange(released(delivery), want=5)

    assert ids(turn.deliveries) == [first.id, second.id]


async def test_jobs_released_together_keep_their_order(keep: Keep) -> None:
    jobs = await keep.put_many(5)
    anna, bert = await keep.worker("anna"), await keep.worker("bert")
    deliveries = await anna.claim(3)
    await anna.settle(*map(released, deliveries))

    claimed = ids(await bert.claim(9))

    assert claimed == [job.id for job in jobs]


async def test_a_released_job_stays_in_its_lane(keep: Keep) -> None:
    worker, delivery = await keep.running(lane="low")
    high = await keep.put(lane="high")
    await worker.settle(released(delivery))

    low_only, all_lanes = await worker.claim(5, lanes=("low",)), await worker.claim(5)

    assert ids(low_only) == [delivery.job.id]
    assert ids(all_lanes) == [high.id]


async def test_a_turn_settles_before_it_claims(keep: Keep) -> None:
    await keep.put_many(2)
    worker = await keep.worker()
    first = await worker.claim_one()

    turn = await worker.exchange(success(first), want=1)

    assert len(turn.deliveries) == 1
    assert await keep.state(first.job.id) is State.SUCCEEDED


async def test_nothing_is_handed_out_while_paused(keep: Keep) -> None:
    await keep.put_many(2)
    worker = await keep.worker()
    await keep.second().pause()

    paused = await worker.claim(5), await keep.broker.paused()
    await keep.broker.resume()
    resumed = await worker.claim(5), await keep.second().paused()

    assert paused == ([], True)
    assert (len(resumed[0]), resumed[1]) == (2, False)


async def test_a_paused_queue_takes_jobs_and_outcomes(keep: Keep) -> None:
    worker, delivery = await keep.running()
    await keep.broker.pause()

    job = await keep.put()
    turn = await worker.exchange(success(delivery), want=5)

    assert list(turn.deliveries) == []
    assert await keep.state(delivery.job.id) is State.SUCCEEDED
    assert await keep.state(job.id) is State.QUEUED


async def test_pausing_twice_is_pausing(keep: Keep) -> None:
    await keep.broker.pause()
    await keep.broker.pause()
    await keep.broker.resume()
    await keep.put()

    claimed = await (await keep.worker()).claim(5)

    assert len(claimed) == 1


async def test_jobs_in_hand_are_not_waiting(keep: Keep) -> None:
    await keep.put_many(3)
    worker = await keep.worker()

    await worker.claim(2)

    assert await keep.broker.size() == 1
