"""A waiting job whose window is over has ended, for every verb, whether or not anybody has swept it yet."""

from typing import Any

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Acceptance, Answer, StagedJob
from tests.contract.keep import Keep, ids

WINDOW_MS = 10_000
OWN: dict[str, Any] = {"token": "t", "digest": "d", "replaces": True}


async def lapsed(keep: Keep, is_seen: bool, **fields: Any) -> StagedJob:
    """A job whose window has just gone by without a worker; perhaps somebody has looked at it since."""
    job = await keep.put(**{"expire_ms": WINDOW_MS, **fields})
    keep.travel(WINDOW_MS + 1_000)
    if is_seen:
        assert await keep.state(job.id) is State.EXPIRED
    return job


@pytest.fixture(params=[True, False], ids=["seen", "unseen"])
def is_seen(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=[0, 60_000], ids=["queued", "scheduled"])
def delay_ms(request: pytest.FixtureRequest) -> int:
    return int(request.param)


async def test_the_same_call_begins_a_new_run(keep: Keep, is_seen: bool, delay_ms: int) -> None:
    job = await lapsed(keep, is_seen, delay_ms=delay_ms, **OWN)

    answers = await keep.broker.enqueue([keep.job(id=job.id, **{**OWN, "token": "u"})])

    assert answers == [Acceptance.CREATED]
    assert await keep.state(job.id) is State.QUEUED
    assert ids(await (await keep.worker()).claim(5)) == [job.id]
    counts = await keep.broker.counts()
    assert (counts[State.EXPIRED], counts[State.RUNNING]) == (0, 1)


async def test_one_that_stays_unique_after_its_end_is_met(keep: Keep, is_seen: bool) -> None:
    job = await lapsed(keep, is_seen, unique_for_ms=60_000, **OWN)

    answers = await keep.broker.enqueue([keep.job(id=job.id, **{**OWN, "token": "u"})])

    assert answers == [Acceptance.EXISTING]
    assert await keep.state(job.id) is State.EXPIRED


async def test_an_id_that_may_not_be_used_again_is_a_conflict(keep: Keep, is_seen: bool) -> None:
    job = await lapsed(keep, is_seen, token="t", digest="d")

    answers = await keep.broker.enqueue([keep.job(id=job.id, token="u", digest="d")])

    assert answers == [Acceptance.CONFLICT]
    assert await keep.state(job.id) is State.EXPIRED


async def test_a_repeated_enqueue_meets_its_own_job(keep: Keep, is_seen: bool) -> None:
    job = await lapsed(keep, is_seen, **OWN)

    assert await keep.broker.enqueue([job]) == [Acceptance.EXISTING]
    assert await keep.state(job.id) is State.EXPIRED


async def test_it_cannot_be_aborted_any_more(keep: Keep, is_seen: bool, delay_ms: int) -> None:
    job = await lapsed(keep, is_seen, delay_ms=delay_ms)

    assert await keep.broker.abort([job.id]) == [Answer.STALE]
    assert await keep.state(job.id) is State.EXPIRED
    assert (await keep.broker.counts())[State.EXPIRED] == 1


async def test_it_can_be_replayed(keep: Keep, is_seen: bool, delay_ms: int) -> None:
    job = await lapsed(keep, is_seen, delay_ms=delay_ms)

    assert await keep.broker.replay([job.id]) == [Answer.DONE]
    keep.travel(WINDOW_MS * 2)

    assert ids(await (await keep.worker()).claim(5)) == [job.id]


async def test_it_cannot_be_rescheduled(keep: Keep, is_seen: bool, delay_ms: int) -> None:
    job = await lapsed(keep, is_seen, delay_ms=delay_ms)

    assert await keep.broker.reschedule([job.id], keep.now_ms + 60_000) == [Answer.STALE]
    assert await keep.state(job.id) is State.EXPIRED


async def test_it_can_be_deleted(keep: Keep, is_seen: bool, delay_ms: int) -> None:
    job = await lapsed(keep, is_seen, delay_ms=delay_ms)

    assert await keep.broker.delete([job.id]) == [Answer.DONE]
    assert await keep.broker.get(job.id) is None
    assert await (await keep.worker()).claim(5) == []


async def test_those_whose_window_is_open_are_left_alone(keep: Keep) -> None:
    job = await keep.put(expire_ms=WINDOW_MS, **OWN)
    keep.travel(WINDOW_MS - 3_000)

    answers = await keep.broker.enqueue([keep.job(id=job.id, **{**OWN, "token": "u"})])

    assert answers == [Acceptance.EXISTING]
    assert await keep.broker.abort([job.id]) == [Answer.DONE]
    assert await keep.state(job.id) is State.ABORTED
