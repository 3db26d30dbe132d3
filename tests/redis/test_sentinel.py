"""A queue behind sentinels: the primary is asked of them, and again when another takes its place."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import pytest
from redis import Redis

from ardiq_django.brokers.redis.client import POOLED
from tests.engine.house import House, end_of, soon, until
from tests.redis.callers import insist, trouble_at
from tests.redis.load import SLOTS, Load
from tests.redis.servers import SERVICE, Sentinel, running
from tests.services import RedisServer, free_port

SECRET = "open-sesame"
WATCHMEN = "they-watch"


class Watched:
    """A primary, its replica and a sentinel; all ask for passwords."""

    def __init__(self) -> None:
        secrets = ("--requirepass", SECRET, "--masterauth", SECRET, "--repl-diskless-sync-delay", "0")
        self.primary = RedisServer(*secrets)
        self.replica = RedisServer(*secrets, "--replicaof", "127.0.0.1", str(self.primary.port))
        self.sentinel = Sentinel(self.primary, SECRET, WATCHMEN)

    def start(self) -> None:
        for server in self.servers:
            server.start()
        self.sentinel.wait_for_replica()

    @property
    def servers(self) -> list[RedisServer]:
        return [self.primary, self.replica, self.sentinel]

    def stop(self) -> None:
        for server in self.servers:
            server.kill()

    def address(self, *sentinels: int, service: str = SERVICE, watchmen: str = WATCHMEN) -> str:
        hosts = ",".join(f"127.0.0.1:{port}" for port in sentinels or (self.sentinel.port,))
        return f"redis+sentinel://:{SECRET}@{hosts}/{service}/0?sentinel_password={watchmen}"

    def replica_has_all(self) -> bool:
        """Whether it has what its primary had just now."""
        offset = self.info(self.primary)["master_repl_offset"]
        told = self.info(self.replica)
        return told.get("master_link_status") == "up" and bool(told["slave_repl_offset"] >= offset)

    def info(self, server: RedisServer) -> dict[str, Any]:
        client: Any = Redis(port=server.port, password=SECRET)
        with closing(client):
            return dict(client.info("replication"))

    def role(self, server: RedisServer) -> str:
        with closing(Redis(port=server.port, password=SECRET, decode_responses=True)) as client:
            return str(client.role()[0])


@pytest.fixture
def watched() -> Iterator[Watched]:
    with running(Watched()) as made:
        yield made


@pytest.fixture
async def house(watched: Watched) -> AsyncIterator[House]:
    house = House(watched.address(free_port(), watched.sentinel.port))  # the first of them is not there
    yield house
    await house.close()


async def test_jobs_go_on_after_a_failover_that_was_asked_for(watched: Watched, house: House) -> None:
    app = house.app()
    echo = app.task(name="echo")(lambda number: number)
    async with house.working(app):
        assert (await end_of(await echo.enqueue(1))).value == 1

        watched.sentinel.fail_over()
        await until(lambda: (watched.role(watched.primary), watched.role(watched.replica)) == ("slave", "master"))
        after = await soon(insist(lambda: echo.enqueue(2)))

        assert (await end_of(after)).value == 2


async def test_jobs_go_on_after_the_primary_died(watched: Watched, house: House) -> None:
    app = house.app()
    echo = app.task(name="echo")(lambda number: number)
    async with house.working(app):
        assert (await end_of(await echo.enqueue(1))).value == 1

        watched.primary.kill()
        after = await soon(insist(lambda: echo.enqueue(2)))

        assert (await end_of(after)).value == 2
    assert watched.role(watched.replica) == "master"


async def test_synchronous_callers_find_the_primary(house: House) -> None:
    app = house.app()
    echo = app.task(name="echo")(lambda text: text)

    async with house.working(app):
        result = await house.in_thread(lambda: echo.enqueue_sync("hello").result_sync(timeout=10))

    assert result is not None
    assert result.value == "hello"


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"service": "other"}, "it watches no service 'other'"),
        ({"watchmen": "guessed"}, "it asks for another user or password"),
    ],
)
async def test_what_the_sentinels_say_is_told(watched: Watched, wrong: dict[str, str], sentence: str) -> None:
    told = await trouble_at(watched.address(**wrong))

    assert sentence in told
    assert f"127.0.0.1:{watched.sentinel.port}" in told
    assert not any(secret in told for secret in (SECRET, WATCHMEN, "guessed"))


async def test_a_replica_that_the_sentinels_take_for_the_primary_is_not_used(watched: Watched) -> None:
    with running(Sentinel(watched.replica, SECRET, WATCHMEN)) as liar:
        assert "but slave to itself" in await trouble_at(watched.address(liar.port))


async def test_sentinels_that_are_all_away_are_told_at_once(watched: Watched) -> None:
    assert "nobody knows a server to use" in await trouble_at(watched.address(free_port(), free_port()))


async def test_a_sentinel_that_names_a_dead_primary_for_ever_is_asked_last(watched: Watched) -> None:
    watched.primary.kill()
    await until(lambda: watched.role(watched.replica) == "master")
    with running(Sentinel(watched.primary, SECRET, WATCHMEN)) as cut_off:
        house = House(watched.address(cut_off.port, watched.sentinel.port))
        app = house.app()
        echo = app.task(name="echo")(lambda number: number)
        async with house.working(app):
            job = await soon(insist(lambda: echo.enqueue(1)))  # the others are told a moment later

            assert (await end_of(job)).value == 1
            assert await echo.enqueue(2)
        await house.close()


async def test_nothing_accepted_is_lost_or_run_twice_where_the_replica_has_all(watched: Watched, house: House) -> None:
    load = Load(house)
    async with load.working():
        async with load.producing():
            await load.until_more_end()
        await load.until_all_have_ended()
        load.may_end.clear()
        for _ in range(SLOTS):
            await load.put()
        await load.until_running(SLOTS)
        await load.put()
        await until(watched.replica_has_all)

        watched.primary.kill()
        load.may_end.set()
        async with load.producing():
            await load.until_more_end()
        await load.check()


async def test_what_a_primary_says_that_was_replaced_does_not_count(watched: Watched, house: House) -> None:
    app = house.app()
    echo = app.task(name="echo")(lambda number: number)
    await asyncio.gather(*(app.broker.size() for _ in range(POOLED)))  # each on a connection of its own
    await until(watched.replica_has_all)

    watched.primary.pause()
    await soon(insist(lambda: echo.enqueue(1)))
    await echo.enqueue(2)
    watched.primary.resume()

    assert await asyncio.gather(*(app.broker.size() for _ in range(POOLED))) == [2] * POOLED


async def test_a_primary_that_freezes_is_replaced_and_what_it_does_on_waking_is_lost_with_it(
    watched: Watched, house: House
) -> None:
    load = Load(house)
    async with load.working():
        async with load.producing():
            await load.until_more_end()
        await load.until_all_have_ended()
        await until(watched.replica_has_all)

        watched.primary.pause()
        meanwhile = await load.put()
        watched.primary.resume()  # it takes itself for the primary until the sentinel gets round to it
        async with load.producing():
            for _ in range(4):
                await asyncio.sleep(0.5)
                await load.until_more_end()
            await until(lambda: watched.role(watched.primary) == "slave")
            await load.until_more_end()
        results = await load.ends()

    assert {(result.success, result.attempts) for result in results} == {(True, ())}
    again = {job_id for job_id, times in load.begun.items() if times > 1}
    assert again <= {meanwhile.id}  # the old one may hand it out, too, before it is told that it is none any more
