"""What befalls an enqueue, and an id: a server that does not answer in time, a worker that dies with a unique job."""

import asyncio
from collections.abc import Iterator

import pytest

from ardiq_django import Ardiq, BrokerError, State
from tests.engine.house import House, end_of, until
from tests.services import RedisServer

LEASE_MS = 30_000


@pytest.fixture
def frozen() -> Iterator[RedisServer]:
    """A Redis that takes what it is sent and does not answer."""
    server = RedisServer()
    server.start()
    server.pause()
    yield server
    server.stop()


async def test_an_enqueue_that_had_no_answer_is_repeated_and_there_is_one_job(frozen: RedisServer) -> None:
    app = Ardiq(frozen.url, queue_name="q", burst=True)
    runs: list[str] = []

    @app.task
    async def note(name: str) -> None:
        runs.append(name)

    calls = [note.prepare("prepared"), note.options(task_id="mine").prepare("by id")]
    for call in calls:
        with pytest.raises(BrokerError) as caught:
            await app.enqueue_many([call])
        assert caught.value.job_id == call.id
    frozen.resume()
    again = [*await app.enqueue_many(calls), await note.options(task_id="mine").enqueue("by id")]
    await app.run()

    assert [job.id for job in again] == [calls[0].id, "mine", "mine"]
    assert sorted(runs) == ["by id", "prepared"]


async def test_a_unique_call_whose_worker_died_is_met_and_free_again_after_its_end(house: House) -> None:
    app = house.app(idle_timeout_ms=LEASE_MS, max_crashes=1)
    runs: list[int] = []

    @app.task(unique=True)
    async def note() -> str:
        runs.append(len(runs))
        if len(runs) == 1:
            await asyncio.Event().wait()
        return "done"

    first = await note.enqueue()
    async with house.working(app):
        await until(lambda: len(runs) == 1)
        met = await note.enqueue()
        await until(lambda: lease_is_lost(house, app))
        crashed = await end_of(first)
        again = await note.enqueue()
        result = await end_of(again)

    assert (met.id, met.created) == (first.id, False)
    assert (crashed.success, crashed.value) == (False, "its worker was lost 1 times while it ran")
    assert (again.id, again.created, result.value) == (first.id, True, "done")
    assert await house.state(again) is State.SUCCEEDED


async def lease_is_lost(house: House, app: Ardiq) -> bool:
    """Whether the worker was reaped; it may have beaten in between."""
    house.travel(LEASE_MS + 1_000)
    return await app.broker.reap() == 1
