"""A job with a window is not started after it, and says so."""

from collections.abc import Callable

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Delivery, Outcome
from tests.contract.keep import Keep, ids
from tests.contract.makers import released, requeued, retrying

WINDOW_MS = 10_000


async def test_within_its_window_a_job_is_handed_out(keep: Keep) -> None:
    job = await keep.put(expire_ms=WINDOW_MS)
    keep.travel(WINDOW_MS - 3_000)
    await keep.broker.sweep()

    snapshot = await keep.get(job.id)

    assert snapshot.state is State.QUEUED
    assert abs(snapshot.expires_ms - snapshot.now_ms - 3_000) < 2_000
    assert ids(await (await keep.worker()).claim(5)) == [job.id]


async def test_after_its_window_a_job_ends_instead_of_being_handed_out(keep: Keep) -> None:
    job = await keep.put(expire_ms=WINDOW_MS)
    keep.travel(WINDOW_MS + 1_000)

    claimed = await (await keep.worker()).claim(5)

    assert claimed == []
    assert (await keep.broker.counts())[State.EXPIRED] == 1
    assert await keep.state(job.id) is State.EXPIRED


async def test_the_expired_do_not_hide_what_stands_behind_them(keep: Keep) -> None:
    await keep.put_many(3, expire_ms=WINDOW_MS)
    job = await keep.put()
    keep.travel(WINDOW_MS + 1_000)

    claimed = await (await keep.worker()).claim(1)

    assert ids(claimed) == [job.id]


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_a_sweep_ends_what_nobody_claims(keep: Keep, delay_ms: int) -> None:
    job = await keep.put(expire_ms=WINDOW_MS, delay_ms=delay_ms)
    keep.travel(WINDOW_MS + 1_000)

    await keep.broker.sweep()

    counts = await keep.broker.counts()
    snapshot = await keep.get(job.id)
    end = snapshot.end
    assert await keep.broker.size() == 0
    assert (counts[State.QUEUED], counts[State.SCHEDULED], counts[State.EXPIRED]) == (0, 0, 1)
    assert end is not None
    assert (snapshot.state, end.state, end.tries, end.crashes) == (State.EXPIRED, State.EXPIRED, 0, 0)
    assert (end.worker, end.claim, end.start_ms, end.value) == ("", "", 0, None)
    assert "expired" in end.reason
    assert end.ttl_ms == keep.rules.result_ttl_ms
    assert abs(end.finish_ms - keep.now_ms) < 3_000


@pytest.mark.parametrize("delay_ms", [0, 60_000])
async def test_unswept_it_is_shown_as_expired(keep: Keep, delay_ms: int) -> None:
    job = await keep.put(expire_ms=WINDOW_MS, delay_ms=delay_ms)
    keep.travel(WINDOW_MS + 1_000)

    states = await keep.state(job.id), await keep.state(job.id)

    assert states == (State.EXPIRED, State.EXPIRED)


async def test_a_scheduled_job_does_not_become_due_after_its_window(keep: Keep) -> None:
    job = await keep.put(expire_ms=WINDOW_MS, delay_ms=2 * WINDOW_MS)
    worker = await keep.worker()
    keep.travel(3 * WINDOW_MS)

    claimed = await worker.claim(5) + await worker.claim(5)

    assert claimed == []
    assert await keep.state(job.id) is State.EXPIRED


async def test_without_a_window_a_job_waits_for_ever(keep: Keep) -> None:
    job = await keep.put()
    keep.travel(400 * 86_400_000)
    await keep.broker.sweep()

    claimed = await (await keep.worker()).claim(5)

    assert ids(claimed) == [job.id]


@pytest.mark.parametrize("outcome", [retrying, requeued, released])
async def test_the_window_is_over_at_the_first_start(keep: Keep, outcome: Callable[[Delivery], Outcome]) -> None:
    worker, delivery = await keep.running(expire_ms=WINDOW_MS)
    await worker.settle(outcome(delivery))
    keep.travel(2 * WINDOW_MS)

    await keep.broker.sweep()

    assert not (await keep.state(delivery.job.id)).ended
    assert ids(await worker.claim(5)) == [delivery.job.id]


async def test_a_running_job_does_not_expire(keep: Keep) -> None:
    worker, delivery = await keep.running(expire_ms=WINDOW_MS)
    keep.travel(2 * WINDOW_MS)
    await worker.beat()

    await keep.broker.sweep()

    assert await keep.state(delivery.job.id) is State.RUNNING


async def test_a_job_taken_back_from_the_dead_does_not_expire(keep: Keep) -> None:
    _, delivery = await keep.running(expire_ms=WINDOW_MS)
    keep.outlast_lease()
    await keep.broker.reap()
    await keep.broker.sweep()

    claimed = await (await keep.worker()).claim(5)

    assert ids(claimed) == [delivery.job.id]


async def test_a_rescheduled_job_keeps_its_window(keep: Keep) -> None:
    job = await keep.put(expire_ms=WINDOW_MS)
    await keep.broker.reschedule([job.id], keep.now_ms + 5_000)
    keep.travel(WINDOW_MS + 1_000)

    await keep.broker.sweep()

    assert await keep.state(job.id) is State.EXPIRED


async def test_only_those_whose_window_is_over_are_swept(keep: Keep) -> None:
    short, long, none = [await keep.put(expire_ms=ms) for ms in (WINDOW_MS, 10 * WINDOW_MS, 0)]
    keep.travel(2 * WINDOW_MS)

    await keep.broker.sweep()
    await keep.broker.sweep()

    assert [await keep.state(job.id) for job in (short, long, none)] == [State.EXPIRED, State.QUEUED, State.QUEUED]


async def test_many_expire_in_a_few_sweeps(keep: Keep) -> None:
    await keep.put_many(500, expire_ms=WINDOW_MS)
    keep.travel(2 * WINDOW_MS)

    for _ in range(5):
        await keep.broker.sweep()

    assert (await keep.broker.counts())[State.EXPIRED] == 500


async def test_an_expired_id_can_be_enqueued_again(keep: Keep) -> None:
    job = await keep.put(token="t", expire_ms=WINDOW_MS)
    keep.travel(WINDOW_MS + 1_000)
    await keep.broker.sweep()

    await keep.put(id=job.id, token="u", replaces=True, expire_ms=WINDOW_MS)

    (delivery,) = await (await keep.worker()).claim(5)
    assert (delivery.job.id, delivery.job.token) == (job.id, "u")


async def test_a_replayed_job_has_no_window(keep: Keep) -> None:
    job = await keep.put(expire_ms=WINDOW_MS)
    keep.travel(WINDOW_MS + 1_000)
    await keep.broker.sweep()
    await keep.broker.replay([job.id])
    keep.travel(10 * WINDOW_MS)
    await keep.broker.sweep()

    claimed = await (await keep.worker()).claim(5)

    assert ids(claimed) == [job.id]
