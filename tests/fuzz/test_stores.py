"""Hostile jobs in every store, in front of a worker that runs: each fails visibly, the healthy behind them succeed."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping

import pytest

from ardiq_django import Ardiq
from ardiq_django.clock import new_id, now_ms
from ardiq_django.results import ENDED, State
from ardiq_django.snapshot import Query
from ardiq_django.statistics import Resolution
from ardiq_django.wire import Acceptance, StagedJob, pack
from tests.engine.house import House, end_of, until
from tests.fuzz.hostile import blob, mutated, tree, values, word
from tests.fuzz.ledger import LEDGER
from tests.fuzz.sizes import chance, number
from tests.fuzz.tampering import Tampering, tampering

AT_ONCE = 250
TASKS = ("take", "take_here", "os.system", "builtins.exec", "tests.fuzz.hostile.tree", "")


def declare(app: Ardiq) -> None:
    @app.task(name="take", max_retries=0)
    async def take(*args: object, **kwargs: object) -> int:
        return len(args) + len(kwargs)

    @app.task(name="take_here", max_retries=0)
    def take_here(*args: object, **kwargs: object) -> int:
        return len(args) + len(kwargs)


def staged(draw: random.Random) -> StagedJob:
    """A job that a producer of somebody else's might stage: anything where we look at it only later."""
    labels, headers = [{"a": tree(draw)} if draw.random() < 0.2 else {} for _ in range(2)]
    odd = word(draw).encode("utf-8", "replace").decode().replace("\x00", "")[:100]  # NUL is refused by the database
    task = odd if draw.random() < 0.1 else draw.choice(TASKS[:2] * 5 + TASKS)
    return StagedJob(1, new_id(), task, "default", blob(draw, values(draw)), now_ms(), labels=labels, headers=headers)


def spoilt(draw: random.Random, jobs: list[StagedJob]) -> Mapping[str, bytes]:
    """The bytes of some of these jobs, spoilt."""
    some = draw.sample(jobs, len(jobs) // 2)
    return {job.id: (mutated if draw.random() < 0.7 else blob)(draw, pack(job)) for job in some}


async def ends_of(app: Ardiq, jobs: list[StagedJob]) -> list[State]:
    """How they ended, once all have; then they are removed."""
    wanted, found = {job.id for job in jobs}, dict[str, State]()

    async def all_have_ended() -> bool:
        await asyncio.sleep(0.05)  # a page of all is dear
        page = await app.broker.page(Query(states=list(ENDED), limit=2 * AT_ONCE))
        found.update({row.job.id: row.state for row in page.rows if row.job.id in wanted})
        return len(found) == len(wanted)

    await until(all_have_ended)
    await app.broker.delete(list(wanted))
    return list(found.values())


async def look_everywhere(app: Ardiq) -> None:
    """What the admin and the commands ask."""
    broker, now = app.broker, now_ms()
    for state in State:
        await broker.page(Query(states=[state], text="a"))
    await broker.workers()
    await broker.schedules.page(text="a")
    await broker.series(Resolution.HOUR, now - 7_200_000, now + 1)
    await app.dead_letters()


@pytest.fixture
async def app(house: House) -> Ardiq:
    """An app whose tasks take anything."""
    made = house.app(concurrency=8, unknown_task_grace_s=0, result_ttl_ms=600_000)
    declare(made)
    return made


@pytest.fixture
async def hands(app: Ardiq) -> AsyncIterator[Tampering]:
    made = tampering(app)
    yield made
    await made.close()


async def test_a_worker_outlives_them_all(house: House, app: Ardiq, hands: Tampering) -> None:
    kind = f"stores: {app.address.partition(':')[0]} {app.address.rpartition('/')[2]}".rstrip()
    draw, left = chance(kind), number("stores")
    async with house.working(app):
        while left > 0:
            jobs = [staged(draw) for _ in range(min(left, AT_ONCE))]
            left -= len(jobs)
            await put(app, hands, draw, jobs)
            healthy = await app.send("take", 1, 2)
            assert (await end_of(healthy)).value == 2
            for state in await ends_of(app, jobs):
                assert state in (State.FAILED, State.SUCCEEDED)
                LEDGER.add(kind, "visible failed" if state is State.FAILED else "decoded fine")
            await look_everywhere(app)
        await app.broker.reap()
        await app.broker.sweep()


async def put(app: Ardiq, hands: Tampering, draw: random.Random, jobs: list[StagedJob]) -> None:
    """Have them wait, half of them spoilt, with rubbish around, in front of the worker."""
    await app.broker.pause()
    assert await app.broker.enqueue(jobs) == [Acceptance.CREATED] * len(jobs)
    await hands.overwrite(spoilt(draw, jobs))
    await hands.spread(draw, [job.id for job in jobs])
    await app.broker.resume()
