"""What befalls a server while jobs come and run: nothing is lost, nothing runs twice, and nobody spins meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from ardiq_django import BrokerError
from tests.engine.house import House, until
from tests.redis.load import SLOTS, Load
from tests.services import RedisServer, free_port

FEW = 100  # commands and connections in a window; one who spins makes thousands
WINDOW_S = 1.0
TIMES = 10


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """It keeps on disk what it has acknowledged."""
    own = RedisServer("--appendonly", "yes", "--appendfsync", "always", "--save", "")
    own.start()
    yield own
    own.resume()
    own.kill()


@pytest.fixture
async def admin(server: RedisServer) -> AsyncIterator[Any]:
    """The server as its administrator sees it."""
    client: Any = Redis.from_url(server.url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
async def load(server: RedisServer) -> AsyncIterator[Load]:
    house = House(server.url)
    yield Load(house, idle_timeout_ms=6_000)
    await house.close()


async def numbers(admin: Any) -> int:
    """How often the server was asked or connected to, refusals too; not what scripts do inside."""
    asked = await admin.info("commandstats")
    told = [asked.get(f"cmdstat_{name}", {}) for name in ("evalsha", "blpop")]
    connections = (await admin.info("stats"))["total_connections_received"]
    return int(connections + sum(one.get(count, 0) for one in told for count in ("calls", "rejected_calls")))


async def flush_scripts(admin: Any) -> None:
    await admin.script_flush()


async def kill_commands(admin: Any) -> None:
    await admin.client_kill_filter(_type="normal", skipme=True)


async def kill_subscriptions(admin: Any) -> None:
    await admin.client_kill_filter(_type="pubsub", skipme=True)


@pytest.mark.parametrize("fault", [flush_scripts, kill_commands, kill_subscriptions])
async def test_what_happens_again_and_again(load: Load, admin: Any, fault: Callable[[Any], Awaitable[None]]) -> None:
    async with load.working():
        async with load.producing():
            await load.until_more_end()
            for _ in range(TIMES):
                await fault(admin)
                await asyncio.sleep(0.1)
            await load.until_more_end()
        await load.check()


async def test_killed_connections_are_not_made_again_and_again(load: Load, admin: Any) -> None:
    async with load.working():
        for _ in range(2 * SLOTS):
            await load.put()
        await load.until_all_have_ended()
        before = await numbers(admin)
        for _ in range(TIMES):
            await kill_commands(admin)
            await asyncio.sleep(0.1)

        assert await numbers(admin) - before < 5 * FEW


@asynccontextmanager
async def replica(admin: Any, server: RedisServer) -> AsyncIterator[str]:
    """Another was promoted, and this one knows it."""
    await admin.replicaof("127.0.0.1", free_port())
    yield "read-only replica"
    await admin.replicaof("NO", "ONE")


@asynccontextmanager
async def unsaved(admin: Any, server: RedisServer) -> AsyncIterator[str]:
    """Its snapshots fail."""
    in_the_way = server.directory / "dump.rdb" / "in the way"
    in_the_way.mkdir(parents=True)
    await admin.config_set("save", "3600 1000000")
    await until(lambda: bgsave(admin, "err"))
    yield "cannot write its snapshots"
    in_the_way.rmdir()
    in_the_way.parent.rmdir()
    await until(lambda: bgsave(admin, "ok"))


async def bgsave(admin: Any, wanted: str) -> bool:
    """Whether a snapshot ended so; another one is begun if not."""
    if (found := await admin.info("persistence"))["rdb_last_bgsave_status"] == wanted:
        return True
    if not found["rdb_bgsave_in_progress"]:
        await admin.bgsave()
    return False


@asynccontextmanager
async def busy(admin: Any, server: RedisServer) -> AsyncIterator[str]:
    """Somebody's script does not end."""
    await admin.config_set("lua-time-limit", 100)
    other: Any = Redis.from_url(server.url)
    script = asyncio.create_task(other.eval("while true do end", 0))
    yield "busy with a script"
    await admin.script_kill()
    with pytest.raises(ResponseError):
        await script
    await other.aclose()


Fault = Callable[[Any, RedisServer], AbstractAsyncContextManager[str]]


@pytest.mark.parametrize("fault", [replica, unsaved, busy])
async def test_what_is_refused_is_told_waited_for_and_done_later(
    load: Load, server: RedisServer, admin: Any, fault: Fault
) -> None:
    async with load.working():
        async with load.producing():
            await load.until_more_end()
        await load.until_all_have_ended()
        load.may_end.clear()
        for _ in range(SLOTS // 2):
            await load.put()
        await load.until_running(SLOTS // 2)

        before = await numbers(admin)
        async with fault(admin, server) as sentence:
            await until(lambda: told(load, sentence))
            load.may_end.set()
            await asyncio.sleep(WINDOW_S)
        assert await numbers(admin) - before < FEW
        async with load.producing():
            await load.until_more_end()
        await load.check()


async def told(load: Load, sentence: str) -> bool:
    """Whether a caller is told this."""
    try:
        await load.caller.broker.resume()
    except BrokerError as error:
        return sentence in str(error)
    return False


async def test_a_full_server_takes_what_has_ended_and_nothing_new(load: Load, admin: Any) -> None:
    async with load.working():
        async with load.producing():
            await load.until_more_end()
        await load.until_all_have_ended()
        load.may_end.clear()
        for _ in range(SLOTS // 2):
            await load.put()
        await load.until_running(SLOTS // 2)
        before = await numbers(admin)

        await admin.config_set("maxmemory", 1)
        with pytest.raises(BrokerError, match=r"out of memory \(maxmemory\)"):
            await load.caller.task(name="work")(print).enqueue(0)
        load.may_end.set()
        await load.check()  # while it is full
        await asyncio.sleep(WINDOW_S)
        assert await numbers(admin) - before < FEW

        await admin.config_set("maxmemory", 0)
        async with load.producing():
            await load.until_more_end()
        await load.check()


async def test_a_server_that_is_full_under_load(load: Load, admin: Any) -> None:
    async with load.working():
        async with load.producing():
            await load.until_more_end()
            await admin.config_set("maxmemory", 1)
            await until(lambda: any("out of memory" in str(error) for error in load.refusals))
            await asyncio.sleep(WINDOW_S)
            await admin.config_set("maxmemory", 0)
            await load.until_more_end()
        await load.check()


async def test_a_primary_that_is_demoted_under_load(load: Load, server: RedisServer, admin: Any) -> None:
    async with load.working():
        async with load.producing():
            await load.until_more_end()
            async with replica(admin, server) as sentence:
                await until(lambda: any(sentence in str(error) for error in load.refusals))
            await load.until_more_end()
        await load.check()


async def test_a_server_that_is_still_loading(load: Load, server: RedisServer, admin: Any) -> None:
    await admin.eval("for i = 1, 20000 do redis.call('SET', 'other:' .. i, i) end", 0)
    async with load.working():
        async with load.producing():
            await load.until_more_end()
            server.kill()
            server.options += ("--key-load-delay", "150")
            await asyncio.to_thread(server.start)
            await load.until_more_end()
        assert any("still loading" in str(error) for error in load.refusals)
        await load.check()


@pytest.mark.parametrize("how", ["stop", "kill"])
async def test_a_server_that_restarts_under_load(load: Load, server: RedisServer, how: str) -> None:
    async with load.working():
        async with load.producing():
            for _ in range(2):
                await load.until_more_end()
                await asyncio.to_thread(getattr(server, how))
                await asyncio.to_thread(server.start)
            await load.until_more_end()
        await load.check()


class TestAFrozenServer:
    """It answers nothing for a while, and then everything that it was asked."""

    async def test_costs_no_slot_its_work(self, server: RedisServer) -> None:
        house = House(server.url)
        load = Load(house, idle_timeout_ms=600_000)  # what waited for its lease would be missed
        async with load.working():
            async with load.producing():
                await load.until_more_end()
                server.pause()
                await asyncio.sleep(2)
                server.resume()
                load.may_end.clear()
                await load.until_running(SLOTS)
                load.may_end.set()
                await load.until_more_end()
            await load.check()
        await house.close()

    async def test_may_be_so_for_longer_than_a_lease(self, server: RedisServer) -> None:
        house = House(server.url)
        load = Load(house, idle_timeout_ms=1_500)
        other = house.app(idle_timeout_ms=1_500, concurrency=1)
        other.task(name="work")(print)
        async with load.working():
            async with load.producing():
                await load.until_more_end()
                server.pause()
                await asyncio.sleep(4)
                server.resume()
                await load.until_more_end()
            await load.check()
        await house.close()
