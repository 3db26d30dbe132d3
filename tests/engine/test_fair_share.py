"""Two deep queues in one process: neither keeps the other from the slots."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from ardiq_django.worker.slots import Slots
from tests.engine.house import House, soon, until

DEPTH = 80


class DeepQueue:
    """More jobs than the test lets end; each runs until it is let go, the first that began first."""

    def __init__(self, house: House, concurrency: int) -> None:
        self.app = house.app(concurrency=concurrency)
        self._gates: list[asyncio.Event] = []
        self._task = self.app.task(name="run")(self._run)

    async def _run(self) -> None:
        self._gates.append(gate := asyncio.Event())
        await gate.wait()

    @property
    def running(self) -> int:
        return len(self._gates)

    def let_one_go(self) -> None:
        self._gates.pop(0).set()

    async def fill(self) -> None:
        await self.app.enqueue_many(self._task.prepare() for _ in range(DEPTH))

    @asynccontextmanager
    async def working(self, slots: Slots) -> AsyncIterator[None]:
        worker = asyncio.create_task(self.app.run(slots))
        try:
            yield
        finally:
            self.app.stop(now=True)
            await soon(worker)


@pytest.fixture
async def neighbour(house: House) -> AsyncIterator[House]:
    """Another queue on the same broker."""
    made = House(house.address)
    yield made
    await made.close()


async def test_a_deep_queue_gives_way_to_another_until_both_have_their_fair_part(
    house: House, neighbour: House
) -> None:
    slots = Slots(4)
    first, second = DeepQueue(house, 4), DeepQueue(neighbour, 4)
    await first.fill()
    await second.fill()

    async with first.working(slots):
        await until(lambda: first.running == 4)
        async with second.working(slots):
            shares = [await share_after(first, first, second) for _ in range(20)]
            while shares[-1] != (2, 2) and len(shares) < DEPTH // 2:
                shares.append(await share_after(first, first, second))
            steady = [await share_after(ends, first, second) for ends in (first, second, second, first) * 5]

    assert steady == [(2, 2)] * 20


async def test_a_queue_with_fewer_slots_of_its_own_leaves_the_rest_to_the_other(house: House, neighbour: House) -> None:
    slots = Slots(4)
    narrow, wide = DeepQueue(house, 1), DeepQueue(neighbour, 4)
    await narrow.fill()
    await wide.fill()

    async with narrow.working(slots):
        await until(lambda: narrow.running == 1)
        async with wide.working(slots):
            await until(lambda: wide.running == 3)
            steady = [await share_after(ends, narrow, wide) for ends in (wide, narrow, wide, wide) * 5]

    assert steady == [(1, 3)] * 20


async def share_after(ends: DeepQueue, first: DeepQueue, second: DeepQueue) -> tuple[int, int]:
    """Let one job end; who has how many slots once all are taken again."""
    ends.let_one_go()
    await until(lambda: first.running + second.running == 4)
    return first.running, second.running


async def test_an_idle_queue_does_not_keep_another_from_the_last_slot(house: House, neighbour: House) -> None:
    slots = Slots(1)
    idle, deep = DeepQueue(house, 1), DeepQueue(neighbour, 1)
    await deep.fill()

    async with idle.working(slots):
        await until(lambda: idle.app.is_well)
        async with deep.working(slots):
            for _ in range(3):
                await until(lambda: deep.running == 1)
                deep.let_one_go()


async def test_an_idle_queue_does_not_keep_another_from_the_last_job_of_a_process(
    house: House, neighbour: House
) -> None:
    slots = Slots(8, max_jobs=3)
    idle, deep = DeepQueue(house, 8), DeepQueue(neighbour, 8)
    await deep.fill()

    async with idle.working(slots):
        await until(lambda: idle.app.is_well)
        async with deep.working(slots):
            await until(lambda: slots.taken == 3)
