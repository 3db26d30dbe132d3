"""A list from its other end on: oldest first."""

from dataclasses import replace

import pytest

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from tests.contract.keep import LANES, Keep
from tests.contract.makers import failure, success


async def some_in(keep: Keep, state: State) -> list[str]:
    """Jobs in a state, in several lanes, oldest first by the time they are listed by."""
    if state is State.SCHEDULED:
        return [(await keep.put(delay_ms=ms)).id for ms in (10_000, 50_000, 90_000)]
    made = []
    for number in range(6):
        lane, task = LANES[number % len(LANES)], f"t.{number % 2}"
        made.append((await keep.put(lane=lane, task=task, enqueued_ms=keep.now_ms)).id)
        if state is not State.QUEUED:
            worker = await keep.worker()
            delivery = await worker.claim_one()
            if state is State.SUCCEEDED:
                await worker.settle(success(delivery, finish_ms=keep.now_ms))
        keep.travel(1_000)
    return made


@pytest.mark.parametrize("state", [State.QUEUED, State.SCHEDULED, State.RUNNING, State.SUCCEEDED])
async def test_the_oldest_stand_first(keep: Keep, state: State) -> None:
    made = await some_in(keep, state)
    query = Query((state,), oldest_first=True)

    pages = [await keep.broker.page(replace(query, offset=offset, limit=2)) for offset in (0, 2)]

    assert await keep.listed(query) == made
    assert await keep.listed(Query((state,))) == made[::-1]
    assert [row.job.id for page in pages for row in page.rows] == made[:4]
    assert {page.total for page in pages} == {len(made)}


async def test_states_are_merged(keep: Keep) -> None:
    done, queued = await some_in(keep, State.SUCCEEDED), await some_in(keep, State.QUEUED)

    assert await keep.listed(Query((State.QUEUED, State.SUCCEEDED), oldest_first=True)) == [*done, *queued]


async def test_a_list_that_is_narrowed_is_in_order_too(keep: Keep) -> None:
    made = await some_in(keep, State.SUCCEEDED)

    assert await keep.listed(Query((State.SUCCEEDED,), task="t.1", oldest_first=True)) == made[1::2]


async def test_what_was_taken_out_of_a_lane_is_not_there(keep: Keep) -> None:
    made = await some_in(keep, State.QUEUED)
    await keep.broker.abort([made[0]])
    await keep.broker.abort([made[2]])

    page = await keep.broker.page(Query((State.QUEUED,), oldest_first=True, limit=2))

    assert [row.job.id for row in page.rows] == [made[1], made[3]]


async def test_errors_stand_in_it_too(keep: Keep) -> None:
    made = []
    for _ in range(3):
        worker, delivery = await keep.running()
        await worker.settle(failure(delivery, finish_ms=keep.now_ms))
        made.append(delivery.job.id)
        keep.travel(1_000)

    found = await keep.broker.errors(Query((State.FAILED,), oldest_first=True))

    assert [one.job_id for one in found.rows] == made
