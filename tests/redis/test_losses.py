"""A server that forgets what it had accepted: what is lost is what it says it may lose, and all goes on at once."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from threading import Event
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.engine.house import SOON_S, House, end_of, until
from tests.redis.load import SLOTS, Load
from tests.services import RedisServer


@pytest.fixture
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    own = RedisServer(*getattr(request, "param", ()))
    own.start()
    yield own
    own.kill()


@pytest.fixture
async def load(server: RedisServer) -> AsyncIterator[Load]:
    house = House(server.url)
    yield Load(house, idle_timeout_ms=6_000)
    await house.close()


async def check_those_after(load: Load, first: int) -> None:
    """The jobs from this one on ended as they should and ran once; nothing waits or runs for ever."""
    jobs = load.jobs[first:]
    results = [await end_of(job) for job in jobs]
    assert len(results) > SLOTS
    assert {(result.success, result.tries, result.attempts) for result in results} == {(True, 1, ())}
    assert Counter({job.id: load.begun[job.id] for job in jobs}) == Counter(job.id for job in jobs)
    await until(lambda: has_nothing_open(load))


async def has_nothing_open(load: Load) -> bool:
    counts = await load.caller.broker.counts()
    return not any(number for state, number in counts.items() if not state.ended)


async def test_a_flushed_server_is_worked_for_from_nothing(
    load: Load, server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "ardiq"):
        async with load.working():
            async with load.producing():
                for _ in range(3):
                    await load.until_more_end()
                    first = len(load.jobs) + 1  # one may be on its way
                    server.flush()
                    await load.until_more_end()
            await check_those_after(load, first)

    assert caplog.text.count("lease lost") == 3
    assert "is not registered" in caplog.text


async def test_what_runs_as_a_server_is_flushed_is_cancelled_and_writes_nothing(
    load: Load, server: RedisServer
) -> None:
    load.may_end.clear()
    async with load.working():
        jobs = [await load.put() for _ in range(SLOTS)]
        await load.until_running(SLOTS)
        server.flush()
        after = await load.put()
        await until(lambda: load.begun[after.id] == 1)
        load.may_end.set()

        assert (await end_of(after)).success
        assert [await load.house.state(job) for job in jobs] == [None] * SLOTS
        assert load.ended.total() == 1


@pytest.mark.parametrize(
    "server",
    [("--appendonly", "yes", "--appendfsync", "everysec"), ()],
    indirect=True,
    ids=["everysec", "nothing kept"],
)
async def test_a_server_that_dies_takes_no_more_along_than_it_says(load: Load, server: RedisServer) -> None:
    async with load.working():
        async with load.producing():
            for _ in range(2):
                await load.until_more_end()
                await asyncio.to_thread(server.kill)
                first = len(load.jobs) + 1
                await asyncio.to_thread(server.start)
                await load.until_more_end()
        await check_those_after(load, first)


async def test_a_server_that_wakes_in_its_past_runs_again_what_ended_since(load: Load, server: RedisServer) -> None:
    """As after a failover to a replica that was behind."""
    async with load.working():
        load.may_end.clear()
        held = [await load.put() for _ in range(SLOTS)]
        waiting = [await load.put() for _ in range(SLOTS)]
        await load.until_running(SLOTS)
        server._ask(b"SAVE")
        load.may_end.set()
        await load.until_all_have_ended()
        assert [(await end_of(job)).success for job in (*held, *waiting)] == [True] * 2 * SLOTS
        lost = await load.put()
        await end_of(lost)

        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)
        results = [await end_of(job) for job in (*held, *waiting)]

        assert {(result.success, result.attempts) for result in results} == {(True, ())}
        assert await load.house.state(lost) is None
        assert set(load.begun.values()) == {1, 2}
        assert load.begun[lost.id] == 1


async def test_a_job_that_was_lost_and_found_again_does_not_run_beside_itself(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(server.url)
    app = house.app(idle_timeout_ms=2_000)
    let_go, begun = Event(), []

    @app.task(max_retries=0)
    def note() -> None:
        begun.append(1)
        let_go.wait(SOON_S)

    client: Any = Redis.from_url(server.url, decode_responses=True)
    running = f"ardiq:{{{house.queue}}}:running"
    with caplog.at_level(logging.INFO, "ardiq"):
        async with house.working(app):
            job = await note.enqueue()
            await until(lambda: len(begun) == 1)
            fence = await client.hget(running, job.id)
            await client.hdel(running, job.id)
            await until(lambda: "job lost" in caplog.text)
            await client.hset(running, job.id, fence)
            await asyncio.sleep(2)  # beats come and go
            assert len(begun) == 1

            let_go.set()

            assert (await end_of(job)).attempts == ()
            assert len(begun) == 2
    await client.aclose()
    await house.close()
