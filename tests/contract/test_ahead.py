"""How many jobs stand before one in its lane."""

import pytest

from ardiq_django import snapshot
from tests.contract.keep import Keep


async def test_a_queued_job_has_those_of_its_lane_before_it_that_came_earlier(keep: Keep) -> None:
    first, second = await keep.put(), await keep.put()
    await keep.put(lane="high")
    third = await keep.put()

    assert [await keep.broker.ahead(job) for job in (first, second, third)] == [0, 1, 2]


async def test_those_that_were_taken_out_do_not_count(keep: Keep) -> None:
    first, second, third = await keep.put(), await keep.put(), await keep.put()
    await keep.broker.abort([first.id])

    assert await keep.broker.ahead(second) == 0
    assert await keep.broker.ahead(third) == 1


async def test_what_is_not_queued_has_no_place(keep: Keep) -> None:
    later = await keep.put(delay_ms=60_000)

    assert await keep.broker.ahead(later) is None


@pytest.mark.parametrize(("number", "ahead"), [(1_000, 1_000), (1_001, None)])
async def test_very_many_are_not_counted(keep: Keep, number: int, ahead: int | None) -> None:
    assert snapshot.AHEAD_MOST == 1_000
    await keep.put_many(number)
    last = await keep.put()

    assert await keep.broker.ahead(last) == ahead
