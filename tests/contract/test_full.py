"""A queue with a limit: what would exceed it is refused, and nothing that was accepted ever is."""

import asyncio
from typing import Any

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Acceptance, Occurrence
from tests.contract.keep import Keep
from tests.contract.makers import failure, released, requeued, retrying, success
from tests.contract.test_schedules import EVERY_MS, fire
from tests.contract.test_schedules import put as planned

LIMIT = 5
CREATED, EXISTING, CONFLICT, FULL = (
    Acceptance.CREATED,
    Acceptance.EXISTING,
    Acceptance.CONFLICT,
    Acceptance.FULL,
)


@pytest.fixture
def limited(keep: Keep) -> Keep:
    """A queue in which few may wait."""
    keep.ruled(max_queue=LIMIT)
    return keep


async def offer(keep: Keep, number: int, **fields: Any) -> list[Acceptance]:
    return await keep.broker.enqueue([keep.job(**fields) for _ in range(number)])


async def test_as_many_as_the_limit_may_wait(limited: Keep) -> None:
    for _ in range(LIMIT):
        assert await offer(limited, 1) == [CREATED]

    refused = limited.job()

    assert await limited.broker.enqueue([refused]) == [FULL]
    assert await limited.broker.get(refused.id) is None
    assert await limited.broker.size() == LIMIT


async def test_without_a_limit_any_number_may_wait(keep: Keep) -> None:
    assert await offer(keep, 1_000) == [CREATED] * 1_000


async def test_scheduled_and_retrying_jobs_wait_as_well(limited: Keep) -> None:
    await limited.put_many(2, delay_ms=60_000)
    await limited.put_many(3)
    worker = await limited.worker()
    first, second = await worker.claim(2)
    await worker.settle(retrying(first, 60_000), requeued(second, 60_000))

    assert await limited.broker.size() == LIMIT
    assert await offer(limited, 1) == [FULL]


async def test_what_runs_does_not_wait(limited: Keep) -> None:
    await limited.put_many(LIMIT)
    worker = await limited.worker()
    running = await worker.claim(3)

    assert await offer(limited, 3) == [CREATED] * 3
    assert await offer(limited, 1) == [FULL]

    await worker.settle(*map(success, running))
    assert await offer(limited, 1) == [FULL]


async def test_jobs_that_come_together_are_stored_together_or_not_at_all(limited: Keep) -> None:
    await limited.put_many(3)
    jobs = [limited.job() for _ in range(3)]

    assert await limited.broker.enqueue(jobs) == [FULL] * 3
    assert await limited.broker.size() == 3
    assert await limited.broker.enqueue(jobs[:2]) == [CREATED] * 2
    assert await limited.broker.enqueue(jobs) == [EXISTING, EXISTING, FULL]


async def test_a_full_queue_knows_its_jobs(limited: Keep) -> None:
    known, *_ = await limited.put_many(LIMIT)
    mine = limited.job(id=known.id)
    other = limited.job(id=known.id, token="other")

    assert await limited.broker.enqueue([mine]) == [EXISTING]
    assert await limited.broker.enqueue([other]) == [CONFLICT]
    assert await limited.broker.enqueue([mine, other, limited.job()]) == [EXISTING, CONFLICT, FULL]


async def test_a_job_that_comes_twice_takes_one_place(limited: Keep) -> None:
    await limited.put_many(LIMIT - 1)
    twice, once = limited.job(), limited.job()

    assert await limited.broker.enqueue([twice, twice, once]) == [FULL] * 3
    assert await limited.broker.enqueue([twice, twice]) == [CREATED, EXISTING]


async def test_a_new_run_of_an_id_takes_a_place(limited: Keep) -> None:
    ended = await limited.put(token="t")
    worker = await limited.worker()
    await worker.settle(success(await worker.claim_one()))
    again = limited.job(id=ended.id, token="u", replaces=True)
    await limited.put_many(LIMIT)

    assert await limited.broker.enqueue([again]) == [FULL]
    assert await limited.state(ended.id) is State.SUCCEEDED

    await worker.claim(1)
    assert await limited.broker.enqueue([again]) == [CREATED]


async def test_nothing_that_was_accepted_is_refused(limited: Keep) -> None:
    worker = await limited.worker()
    held = await _held(limited, worker, LIMIT)
    back, retry, again, failed = held[:4]
    await limited.put_many(LIMIT)

    await worker.settle(released(back), retrying(retry), requeued(again), failure(failed))
    assert await limited.broker.replay([failed.job.id]) == ["done"]
    limited.outlast_lease()
    await limited.broker.reap()

    assert await limited.broker.size() == 2 * LIMIT
    assert await offer(limited, 1) == [FULL]


async def _held(keep: Keep, worker: Any, number: int) -> list[Any]:
    await keep.put_many(number)
    return list(await worker.claim(number))


async def test_what_schedules_fire_is_never_refused(limited: Keep) -> None:
    await limited.broker.watermarks(["nightly"])
    await planned(limited)
    await limited.put_many(LIMIT)
    limited.travel(EVERY_MS)

    staged = await limited.broker.stage([Occurrence("nightly", limited.now_ms, limited.job())])

    assert staged == [True]
    assert await fire(limited) == [True]
    assert await limited.broker.size() == LIMIT + 2


async def test_a_job_whose_window_is_over_keeps_no_place(limited: Keep) -> None:
    await limited.put_many(LIMIT, expire_ms=1_000)
    assert await offer(limited, 1) == [FULL]

    limited.travel(2_000)

    assert await offer(limited, LIMIT) == [CREATED] * LIMIT
    assert await offer(limited, 1) == [FULL]


async def test_a_queue_beyond_its_limit_lets_nothing_in_until_enough_is_gone(limited: Keep) -> None:
    worker, other = await limited.worker("a"), await limited.worker("b")
    held = await _held(limited, worker, LIMIT)
    await limited.put_many(LIMIT)
    await worker.settle(*map(released, held))
    await other.claim(LIMIT)

    assert await offer(limited, 1) == [FULL]

    await other.claim(1)
    assert await offer(limited, 1) == [CREATED]
    assert await limited.broker.size() == LIMIT


@pytest.mark.parametrize("at_once", [1, 2])
async def test_many_producers_never_exceed_it(limited: Keep, at_once: int) -> None:
    producers = [limited.broker, *[limited.second() for _ in range(3)]]

    answers = await asyncio.gather(
        *(broker.enqueue([limited.job() for _ in range(at_once)]) for _ in range(8) for broker in producers)
    )

    words = [word for answer in answers for word in answer]
    stored = await limited.broker.size()
    assert set(words) == {CREATED, FULL}
    assert words.count(CREATED) == stored
    # a place may stay free where two come together
    assert LIMIT - at_once < stored <= LIMIT


async def test_what_came_together_by_chance_stands_or_falls_alone(limited: Keep) -> None:
    many, few = [limited.job() for _ in range(LIMIT + 1)], [limited.job() for _ in range(2)]
    first = limited.job()

    answers = await asyncio.gather(*(limited.broker.enqueue(jobs) for jobs in ([first], many, few, [limited.job()])))

    assert answers == [[CREATED], [FULL] * len(many), [CREATED] * 2, [CREATED]]
