"""A queue with a limit, as its callers meet it."""

import pickle
import re

import pytest

from ardiq_django import ArdiqError, BrokerError, QueueFull, Retry
from tests.engine.house import House, end_of


async def test_a_full_queue_is_told_at_the_call_with_its_remedy(house: House) -> None:
    app = house.app(max_queue=2)

    @app.task
    async def note(number: int) -> None: ...

    await note.enqueue(1)
    await note.options(delay_ms=60_000).enqueue(2)

    with pytest.raises(QueueFull) as caught:
        await note.options(task_id="order-17").enqueue(3)

    said = str(caught.value)
    assert (caught.value.job_id, caught.value.refused) == ("order-17", 1)
    assert f"queue {house.queue!r} is full: more than max_queue=2 jobs would wait, so job 'order-17'" in said
    assert "Enqueue again later, add workers, or raise max_queue" in said
    assert isinstance(caught.value, ArdiqError)
    assert not isinstance(caught.value, BrokerError)  # nothing is wrong with the broker
    assert await house.state("order-17") is None


async def test_a_job_that_is_known_is_met_in_a_full_queue(house: House) -> None:
    app = house.app(max_queue=1)

    @app.task(unique=True)
    async def rebuild(shop: int) -> None: ...

    first = await rebuild.enqueue(1)
    again = await rebuild.enqueue(1)

    assert (again.id, again.created) == (first.id, False)


async def test_workers_make_room(house: House) -> None:
    app = house.app(max_queue=1)

    @app.task
    async def note(number: int) -> int:
        return number

    first = await note.enqueue(1)
    with pytest.raises(QueueFull):
        await note.enqueue(2)
    await house.burst(app)
    second = await note.enqueue(2)
    await house.burst(app)

    assert [(await end_of(job)).value for job in (first, second)] == [1, 2]


async def test_a_retry_finds_its_place_in_a_full_queue(house: House) -> None:
    app = house.app(max_queue=1, concurrency=1)
    tries: list[int] = []

    @app.task
    async def other() -> None: ...

    @app.task
    async def stumble() -> None:
        tries.append(1)
        if len(tries) == 1:
            await other.enqueue()
            with pytest.raises(QueueFull):
                await other.enqueue()
            raise Retry("once more")

    job = await stumble.enqueue()
    await house.burst(app)

    assert (await end_of(job)).success
    assert len(tries) == 2


async def test_of_many_calls_it_is_told_what_was_refused_and_the_rest_can_follow(house: House) -> None:
    app = house.app(max_queue=1_000)
    ran: list[int] = []

    @app.task
    async def note(number: int) -> None:
        ran.append(number)

    calls = [note.prepare(number) for number in range(1_900)]
    with pytest.raises(QueueFull) as caught:
        await app.enqueue_many(calls)
    stored = await app.queue_size()
    await house.burst(app)
    jobs = await app.enqueue_many(calls[:1_000])
    await house.burst(app)
    jobs += await app.enqueue_many(calls[1_000:1_001])
    await house.burst(app)

    assert stored == (0 if house.address == "memory://" else 1_000)  # so many are stored in one step
    assert (caught.value.job_id, caught.value.refused) == (calls[stored].id, 1_900 - stored)
    assert f"nor were {1_899 - stored:,} others of this call" in str(caught.value)
    assert [job.created for job in jobs] == [stored == 0] * 1_000 + [True]
    assert sorted(ran) == list(range(1_001))


def test_it_travels_between_processes() -> None:
    error = pickle.loads(pickle.dumps(QueueFull("full", "order-17", 3)))  # noqa: S301

    assert (str(error), error.job_id, error.refused) == ("full", "order-17", 3)
    assert re.search("QueueFull", repr(error))
