"""Those who wait for ends: one look for all of them, and an error of it is nobody's else."""

import asyncio
from collections.abc import Sequence

import pytest

from ardiq_django.brokers.bell import Bell
from ardiq_django.brokers.database import DatabaseBroker, reading
from ardiq_django.brokers.database.ends import Ends
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.exceptions import BrokerError
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot
from tests.contract.keep import soon
from tests.database.conftest import Outside, job
from tests.engine.house import until

LONG_S = 30.0
MANY = 200
WATCHED_S = 1.0
MOST_LOOKS = 60  # of one who waits alone four, of two hundred who each look for themselves eight hundred


class Shelf:
    """Where ends come to stand, and every look at it."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.looks: list[Sequence[str]] = []
        self.is_broken = False

    async def look(self, ids: Sequence[str]) -> dict[str, Snapshot]:
        self.looks.append(ids)
        await asyncio.sleep(0)
        if self.is_broken:
            raise BrokerError("away")
        return {one: Snapshot(job(id=one), State.SUCCEEDED, 0) for one in ids if one in self.ended}


def is_watched() -> bool:
    return any("Ends._watch" in repr(task.get_coro()) for task in asyncio.all_tasks())


async def test_each_hears_of_its_own_end_and_nobody_watches_after_the_last() -> None:
    shelf, bell = Shelf(), Bell()
    ends = Ends(shelf.look, bell)
    waiters = {name: asyncio.create_task(ends.of(name, LONG_S)) for name in "abc"}
    await until(lambda: len(shelf.looks) >= 2)
    assert is_watched()

    for name in "bac":
        shelf.ended.add(name)
        bell.ring()
        snapshot = await soon(waiters.pop(name))
        assert snapshot is not None
        assert snapshot.job.id == name
        assert not any(waiter.done() for waiter in waiters.values())
    await until(lambda: not is_watched())


async def test_one_who_comes_while_others_wait_is_looked_for_at_once() -> None:
    shelf = Shelf()
    ends = Ends(shelf.look, Bell())
    first = asyncio.create_task(ends.of("a", LONG_S))
    await until(lambda: len(shelf.looks) >= 8)  # by now it pauses for a quarter of a second
    shelf.ended.add("b")
    began = asyncio.get_running_loop().time()

    await soon(ends.of("b", LONG_S))

    assert asyncio.get_running_loop().time() - began < 0.1
    first.cancel()


async def test_an_error_is_that_of_all_who_wait_and_not_of_who_comes_later() -> None:
    shelf = Shelf()
    ends = Ends(shelf.look, Bell())
    shelf.is_broken = True
    waiters = [asyncio.create_task(ends.of(name, LONG_S)) for name in "ab"]

    for waiter in waiters:
        with pytest.raises(BrokerError, match="away"):
            await soon(waiter)
    shelf.is_broken = False
    shelf.ended.add("c")

    assert await soon(ends.of("c", LONG_S)) is not None


@pytest.mark.parametrize("timeout_s", [0, -1, 0.01])
async def test_however_short_the_time_is_there_is_a_look(timeout_s: float) -> None:
    shelf = Shelf()
    ends = Ends(shelf.look, Bell())

    assert await ends.of("a", timeout_s) is None
    shelf.ended.add("a")
    assert await ends.of("a", timeout_s) is not None
    await until(lambda: not is_watched())


async def test_one_who_gives_up_takes_nobody_along() -> None:
    shelf, bell = Shelf(), Bell()
    ends = Ends(shelf.look, bell)
    patient, hasty = [asyncio.create_task(ends.of("a", LONG_S)) for _ in range(2)]
    await until(lambda: len(shelf.looks) > 0)
    hasty.cancel()
    await asyncio.gather(hasty, return_exceptions=True)
    shelf.ended.add("a")
    bell.ring()

    assert await soon(patient) is not None


def test_two_hundred_who_wait_are_looked_for_together(
    broker: DatabaseBroker, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, look = [], reading.ends

    def counted(tables: Tables, ids: Sequence[str]) -> dict[str, Snapshot]:
        looks.append(ids)
        return look(tables, ids)

    monkeypatch.setattr(reading, "ends", counted)
    jobs = [job() for _ in range(MANY)]
    outside(broker.enqueue(jobs))

    async def run() -> int:
        waiters = [asyncio.create_task(broker.wait_end(one.id, LONG_S)) for one in jobs]
        await asyncio.sleep(WATCHED_S)  # a rate is what is measured
        seen = len(looks)
        await broker.abort([one.id for one in jobs])
        assert [snapshot and snapshot.job.id for snapshot in await soon(asyncio.gather(*waiters))] == [
            one.id for one in jobs
        ]
        return seen

    assert outside(run()) < MOST_LOOKS
