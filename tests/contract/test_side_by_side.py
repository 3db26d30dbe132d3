"""Many suspects are cleared side by side: half of the workers run one each, alone, and the others go on."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.wire import Delivery
from tests.contract.keep import Keep, Worker, ids, soon
from tests.contract.makers import success
from tests.contract.test_suspects import suspects


async def crew(keep: Keep, number: int) -> list[Worker]:
    """Workers, each in a process of its own."""
    return [await keep.worker(f"worker-{place}", keep.second()) for place in range(number)]


async def busy_crew(keep: Keep, number: int, crashed: int) -> list[Worker]:
    """Workers that hold an innocent job each, when another dies with so many in its hands."""
    workers, dead = await crew(keep, number), await keep.worker("dead")
    await keep.put_many(number + crashed)
    for worker in workers:
        await worker.claim(1)
    assert len(await dead.claim(crashed)) == crashed
    assert await keep.broker.reap(dead=[dead.epoch]) == crashed
    return workers


async def claims(workers: list[Worker]) -> list[list[Delivery]]:
    return [await worker.claim(5) for worker in workers]


async def patient(worker: Worker) -> list[Delivery]:
    """What it sleeps for: who wakes for nothing sleeps on."""
    while not (turn := await worker.asleep(30)).deliveries:
        pass
    return list(turn.deliveries)


async def test_two_suspects_run_at_the_same_time_in_two_of_four_workers_each_alone(keep: Keep) -> None:
    many = await suspects(keep, 3)
    innocent = await keep.put_many(2)
    anna, bert, carl, dora = await crew(keep, 4)

    first, second, others, more = await claims([anna, bert, carl, dora])
    beside = await claims([anna, bert])
    third = (await anna.exchange(success(first[0]), want=5)).deliveries

    assert beside == [[], []]
    assert [len(first), len(second), len(third)] == [1, 1, 1]
    assert sorted(ids([*first, *second, *third])) == sorted(many)
    assert (ids(others), more) == ([job.id for job in innocent], [])


@pytest.mark.parametrize(("living", "chosen"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 3)])
async def test_half_of_the_workers_are_chosen_and_at_least_one(keep: Keep, living: int, chosen: int) -> None:
    await suspects(keep, 6)

    found = await claims(await crew(keep, living))

    assert [len(one) for one in found] == [1] * chosen + [0] * (living - chosen)


async def test_no_more_are_chosen_by_those_who_ask_at_the_same_moment(keep: Keep) -> None:
    await suspects(keep, 6)
    workers = await crew(keep, 6)

    found = await asyncio.gather(*(worker.claim(5) for worker in workers))

    assert sorted(map(len, found)) == [0, 0, 0, 1, 1, 1]


async def died(keep: Keep, worker: Worker, held: Delivery) -> None:
    assert await keep.broker.reap(dead=[worker.epoch]) == 1


async def left(keep: Keep, worker: Worker, held: Delivery) -> None:
    await worker.leave()


async def wanted_nothing_more(keep: Keep, worker: Worker, held: Delivery) -> None:
    await worker.settle(success(held))


MakesRoom = Callable[[Keep, Worker, Delivery], Awaitable[None]]


@pytest.mark.parametrize("makes_room", [died, left, wanted_nothing_more])
async def test_who_clears_no_more_makes_room_at_once(keep: Keep, makes_room: MakesRoom) -> None:
    many = await suspects(keep, 3)
    anna, bert, carl, dora, emil = await crew(keep, 5)
    (held,), (other,) = await claims([anna, bert])
    before = await carl.claim(5)

    await makes_room(keep, anna, held)

    (delivery,) = await carl.claim(5)
    assert before == await dora.claim(5) == await emil.claim(5) == []
    assert delivery.job.id in many
    assert delivery.job.id != other.job.id


@pytest.mark.parametrize("makes_room", [died, left, wanted_nothing_more])
async def test_who_clears_no_more_wakes_a_sleeper_for_the_next_suspect(keep: Keep, makes_room: MakesRoom) -> None:
    await suspects(keep, 3)
    anna, bert, carl, *_ = await crew(keep, 5)
    (held,), _ = await claims([anna, bert])
    asleep = asyncio.create_task(patient(carl))
    await keep.let_sleep(asleep)

    await makes_room(keep, anna, held)

    assert len(await soon(asleep)) == 1


async def test_as_many_sleepers_wake_as_there_is_room_for(keep: Keep) -> None:
    dead, workers = await keep.worker("dead"), await crew(keep, 4)
    await keep.put_many(3)
    await dead.claim(3)
    asleep = [asyncio.create_task(patient(worker)) for worker in workers[:2]]
    for one in asleep:
        await keep.let_sleep(one)

    await keep.broker.reap(dead=[dead.epoch])

    assert [len(await soon(one)) for one in asleep] == [1, 1]


async def test_no_more_workers_drain_than_suspects_wait(keep: Keep) -> None:
    anna, bert, carl, *_ = await busy_crew(keep, 6, crashed=1)
    innocent = await keep.put_many(2)

    draining, others = await anna.claim(5), await bert.claim(1)
    still, more = await anna.claim(5), await carl.claim(5)

    assert (draining, still) == ([], [])
    assert ids(others + more) == [job.id for job in innocent]


async def test_half_of_the_workers_drain_at_most(keep: Keep) -> None:
    anna, bert, carl, dora = await busy_crew(keep, 4, crashed=3)
    innocent = await keep.put_many(2)

    draining = await claims([anna, bert])
    others = await carl.claim(1) + await dora.claim(1)

    assert draining == [[], []]
    assert ids(others) == [job.id for job in innocent]


async def test_one_who_holds_nothing_takes_the_place_of_one_of_those_that_drain(keep: Keep) -> None:
    anna, bert, *_ = await busy_crew(keep, 4, crashed=3)
    await claims([anna, bert])
    emil = await keep.worker("emil", keep.second())
    innocent = await keep.put_many(2)

    alone = await emil.claim(5)
    relieved, draining = await claims([anna, bert])

    assert (len(alone), draining) == (1, [])
    assert ids(relieved) == [job.id for job in innocent]


async def test_one_that_drains_and_wants_nothing_more_makes_room_at_once(keep: Keep) -> None:
    anna, bert, carl, _ = await busy_crew(keep, 4, crashed=3)
    await claims([anna, bert])
    innocent = await keep.put_many(2)
    before = await carl.claim(1)

    await anna.settle()

    assert ids(before) == [innocent[0].id]
    assert await carl.claim(5) == []


async def test_one_that_drains_for_a_suspect_that_is_gone_goes_on_with_the_innocent(keep: Keep) -> None:
    anna, bert, *_ = await busy_crew(keep, 4, crashed=1)
    await anna.claim(5)
    (suspect,) = await keep.listed(Query(states=[State.QUEUED]))
    await keep.broker.abort([suspect])
    innocent = await keep.put_many(2)

    assert ids(await anna.claim(1) + await bert.claim(1)) == [job.id for job in innocent]
