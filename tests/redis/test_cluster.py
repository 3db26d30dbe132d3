"""Queues in a Redis Cluster: each lives on one node, is found there, and found again where it went."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from ardiq_django.brokers import keeper
from ardiq_django.config import QueueRules
from ardiq_django.exceptions import BrokerError
from tests.engine.house import House, end_of, soon, until
from tests.redis.callers import insist
from tests.redis.load import Load
from tests.redis.servers import Cluster, running
from tests.services import RedisServer


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running(Cluster()) as made:
        yield made


@pytest.fixture
async def house(cluster: Cluster) -> AsyncIterator[House]:
    house = House(cluster.url)
    yield house
    await house.close()


async def test_queues_of_all_nodes_are_served(cluster: Cluster) -> None:
    houses: dict[int, House] = {}
    while len(houses) < len(cluster.keepers):
        house = House(cluster.url)
        houses.setdefault(cluster.keeper_of(house.queue).port, house)

    for house in houses.values():
        app = house.app()
        double = app.task(name="double")(lambda number: number * 2)
        async with house.working(app):
            jobs = [await double.enqueue(number) for number in range(5)]
            assert [(await end_of(job)).value for job in jobs] == [0, 2, 4, 6, 8]
        await house.close()


async def test_synchronous_callers_reach_their_node(house: House) -> None:
    app = house.app()
    echo = app.task(name="echo")(lambda text: text)

    async with house.working(app):
        result = await house.in_thread(lambda: echo.enqueue_sync("hello").result_sync(timeout=10))

    assert result is not None
    assert result.value == "hello"


async def test_a_worker_and_its_callers_follow_a_queue_that_moves(cluster: Cluster, house: House) -> None:
    app, caller = house.app(), house.app()
    echo = caller.task(name="echo")(lambda number: number)
    app.task(name="echo")(lambda number: number)
    async with house.working(app):
        await end_of(await echo.enqueue(0))
        later = await echo.options(delay_ms=500).enqueue(1)
        origin = cluster.keeper_of(house.queue)

        await asyncio.to_thread(cluster.move, house.queue, cluster.spare)
        jobs = [await echo.enqueue(number) for number in range(2, 20)]

        assert cluster.keeper_of(house.queue) is cluster.spare
        assert [(await end_of(job)).value for job in (later, *jobs)] == list(range(1, 20))
    assert cluster.told(origin, "KEYS", f"ardiq:{{{house.queue}}}:*") == []


async def test_a_queue_that_is_on_the_move_is_waited_for_by_workers_and_callers(cluster: Cluster, house: House) -> None:
    load = Load(house)
    to = next(node for node in cluster.keepers if node is not cluster.keeper_of(house.queue))
    async with load.working():
        async with load.producing():
            await load.until_more_end()
            await load.house.in_thread(lambda: move_slowly(cluster, house.queue, to))
            await load.until_more_end()
        assert load.refusals == []
        await load.check()


def move_slowly(cluster: Cluster, queue: str, to: RedisServer) -> None:
    with cluster.moving(queue, to):
        time.sleep(1)


async def test_a_queue_that_is_on_the_move_for_too_long_is_refused_with_a_reason(
    cluster: Cluster, house: House
) -> None:
    app = house.app()
    echo = app.task(name="echo")(lambda number: number)
    await echo.options(delay_ms=60_000).enqueue(1)
    await app.pause()

    with (
        cluster.moving(
            house.queue, next(node for node in cluster.keepers if node is not cluster.keeper_of(house.queue))
        ),
        pytest.raises(BrokerError, match="is being moved to another node"),
    ):
        await echo.enqueue(2)

    await app.resume()
    assert await app.broker.size() == 1


async def test_a_cluster_that_is_down_is_waited_for() -> None:
    with running(Cluster()) as cluster:
        house = House(cluster.url)
        load = Load(house)
        other = next(node for node in cluster.keepers if node is not cluster.keeper_of(house.queue))
        async with load.working():
            async with load.producing():
                await load.until_more_end()
                other.kill()
                await until(lambda: any("its Cluster is down" in str(error) for error in load.refusals))
                await asyncio.to_thread(other.start)
                await load.until_more_end()
            await load.check()
        await soon(house.close())


async def test_a_plain_address_of_a_node_says_what_to_write(cluster: Cluster, house: House) -> None:
    keeps_it = cluster.keeper_of(house.queue)
    address = next(node.url for node in cluster.keepers if node is not keeps_it)
    broker = keeper(address)(address, QueueRules(house.queue))

    with pytest.raises(BrokerError, match=r"the address must be redis\+cluster://"):
        await broker.size()

    await broker.close()


async def test_a_server_that_is_no_cluster_says_so(clean_redis_url: str) -> None:
    address = clean_redis_url.replace("redis://", "redis+cluster://")
    broker = keeper(address)(address, QueueRules())

    with pytest.raises(BrokerError, match="cluster support disabled"):
        await broker.size()

    await broker.close()


async def test_a_node_that_dies_is_replaced_by_its_replica() -> None:
    with running(Cluster()) as cluster:
        house = House(cluster.url)
        primary, replica = cluster.keeper_of(house.queue), cluster.spare
        cluster.told(replica, "CLUSTER", "REPLICATE", cluster.name_of(primary))
        app = house.app()
        echo = app.task(name="echo")(lambda number: number)
        async with house.working(app):
            await end_of(await echo.enqueue(0))
            waiting = await echo.options(delay_ms=1_000).enqueue(1)
            await until(lambda: cluster.has_followed(replica, primary))

            primary.kill()
            await until(lambda: cluster.told(replica, "CLUSTER", "FAILOVER", "TAKEOVER") == "OK")
            after = await soon(insist(lambda: echo.enqueue(2)))

            assert [(await end_of(job)).value for job in (waiting, after)] == [1, 2]
        await soon(house.close())
