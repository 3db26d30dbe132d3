"""A server that restarts, forgets its scripts, is full, away, frozen, or does not want us."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from ardiq_django.brokers import keeper
from ardiq_django.brokers.base import Broker
from ardiq_django.config import QueueRules
from ardiq_django.exceptions import BrokerError, LeaseLost
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.statistics import BEGUN, Figures, Resolution
from ardiq_django.wire import Acceptance, Answer, Exchange, News
from tests.contract.keep import Keep, ids
from tests.contract.makers import failure, requeued, retrying, success
from tests.services import RedisServer, free_port

FAST_S = 3.0
SECRET = "open-sesame"
FULL_BYTES = 500_000


@pytest.fixture
async def own(own_server: RedisServer) -> AsyncIterator[Keep]:
    """A queue on the test's own server."""
    kept = Keep(own_server.url)
    yield kept
    await kept.close()


async def config(server: RedisServer, **settings: str | int) -> None:
    client: Any = Redis.from_url(server.url)
    for name, value in settings.items():
        await client.config_set(name.replace("_", "-"), value)
    await client.aclose()


async def test_scripts_that_were_flushed_are_loaded_again(keep: Keep, server: Any) -> None:
    jobs = await keep.put_many(2)
    await server.script_flush()
    worker = await keep.worker()
    await server.script_flush()
    (first, second) = await worker.claim(2)
    await server.script_flush()

    answers = await worker.settle(success(first), retrying(second, 60_000))

    await server.script_flush()
    assert answers == [Answer.DONE, Answer.DONE]
    assert {row.job.id for row in (await keep.broker.page(Query())).rows} == {job.id for job in jobs}


async def test_a_bulk_survives_forgotten_scripts(keep: Keep, server: Any) -> None:
    await keep.put()
    await server.script_flush()

    answers = await keep.broker.enqueue([keep.job() for _ in range(3_500)])

    assert answers == [Acceptance.CREATED] * 3_500
    assert await keep.broker.size() == 3_501


async def test_a_restarted_server_is_worked_with_at_once() -> None:
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    server.start()
    own = Keep(server.url)
    worker, first = await own.running()
    server.kill()
    server.start()

    job = await own.put()
    turn = await worker.exchange(success(first), want=1)

    assert list(turn.answers) == [Answer.DONE]
    assert ids(turn.deliveries) == [job.id]
    await own.close()
    server.kill()


async def test_a_server_is_reached_through_its_socket(tmp_path: Path) -> None:
    server = RedisServer("--unixsocket", str(tmp_path / "redis.sock"))
    server.start()
    keep = Keep(f"unix://{tmp_path}/redis.sock?db=1")
    worker, delivery = await keep.running()

    assert await worker.settle(success(delivery)) == [Answer.DONE]
    await keep.close()
    server.stop()


async def used_bytes(server: RedisServer) -> int:
    client: Any = Redis.from_url(server.url)
    used = (await client.info("memory"))["used_memory"]
    await client.aclose()
    return int(used)


async def flood(own: Keep) -> None:
    while True:
        await own.broker.enqueue([own.job(call=b"x" * 10_000)])


class TestAFullServer:
    """`maxmemory` is reached and nothing may be evicted: what frees or finishes goes on, what grows is refused."""

    async def fill(self, own: Keep, server: RedisServer) -> None:
        await config(server, maxmemory_policy="noeviction", maxmemory=await used_bytes(server) + FULL_BYTES)
        with pytest.raises(BrokerError, match="out of memory"):
            await flood(own)
        # what its clients need comes and goes
        await config(server, maxmemory=await used_bytes(server) - FULL_BYTES // 4)

    async def test_jobs_are_refused(self, own: Keep, own_server: RedisServer) -> None:
        await self.fill(own, own_server)
        before = await own.broker.size()

        for jobs in ([own.job()], [own.job(delay_ms=60_000)], [own.job() for _ in range(2_500)]):
            with pytest.raises(BrokerError, match="out of memory"):
                await own.broker.enqueue(jobs)

        assert await own.broker.size() == before

    async def test_outcomes_are_taken(self, own: Keep, own_server: RedisServer) -> None:
        await own.put_many(4)
        worker = await own.worker()
        a, b, c, d = await worker.claim(4)
        await self.fill(own, own_server)

        answers = await worker.settle(success(a), failure(b), retrying(c, 60_000), requeued(d, 60_000))

        assert answers == [Answer.DONE] * 4
        states = [await own.state(one.job.id) for one in (a, b, c, d)]
        assert states == [State.SUCCEEDED, State.FAILED, State.RETRYING, State.SCHEDULED]

    async def test_workers_come_keep_their_leases_and_clear_the_backlog(
        self, own: Keep, own_server: RedisServer
    ) -> None:
        await self.fill(own, own_server)
        before = await own.broker.size()

        worker = await own.worker()
        await worker.beat(News(rss_bytes=1))
        deliveries = await worker.claim(5)
        answers = await worker.settle(*map(success, deliveries))

        assert answers == [Answer.DONE] * 5
        assert await own.broker.size() == before - 5

    async def test_figures_are_refused_and_can_be_reported_later(self, own: Keep, own_server: RedisServer) -> None:
        worker, told = await own.worker(), {"shop.mail": Figures({BEGUN: 1})}
        await self.fill(own, own_server)

        with pytest.raises(BrokerError, match="out of memory"):
            await own.broker.report(worker.epoch, 1, told)
        await config(own_server, maxmemory=0)
        await own.broker.report(worker.epoch, 1, told)

        (point,) = await own.broker.series(Resolution.HOUR, 0, own.now_ms + 60_000)
        assert point.figures.begun == 1

    async def test_a_turn_that_is_made_again_is_answered(self, own: Keep, own_server: RedisServer) -> None:
        worker, delivery = await own.running()
        await self.fill(own, own_server)
        await self.take_token(own, own_server)

        turn = await worker.repeat()

        assert ids(turn.deliveries) == [delivery.job.id]

    async def test_who_lost_his_lease_is_told_so(self, own: Keep, own_server: RedisServer) -> None:
        await self.fill(own, own_server)
        await self.take_token(own, own_server)

        with pytest.raises(LeaseLost):
            await own.broker.exchange(Exchange("unknown", 1, want=1))

    async def take_token(self, own: Keep, server: RedisServer) -> None:
        """As a worker does that is woken."""
        client: Any = Redis.from_url(server.url)
        await client.delete(f"ardiq:{{{own.rules.queue}}}:wake")
        await client.aclose()

    async def test_what_waits_can_be_aborted_and_deleted(self, own: Keep, own_server: RedisServer) -> None:
        jobs = await own.put_many(2)
        await self.fill(own, own_server)

        answers = await own.broker.abort([jobs[0].id]), await own.broker.delete([jobs[1].id])

        assert answers == ([Answer.DONE], [Answer.DONE])

    async def test_dead_workers_are_reaped(self, own: Keep, own_server: RedisServer) -> None:
        _, delivery = await own.running()
        await self.fill(own, own_server)
        own.outlast_lease()

        taken = await own.broker.reap()

        assert taken == 1
        assert await own.state(delivery.job.id) is State.QUEUED


CALLS: dict[str, Callable[[Broker, Keep], Awaitable[Any]]] = {
    "enqueue": lambda broker, keep: broker.enqueue([keep.job()]),
    "bulk": lambda broker, keep: broker.enqueue([keep.job() for _ in range(2_500)]),
    "exchange": lambda broker, keep: broker.exchange(Exchange("e", 1)),
    "get": lambda broker, keep: broker.get("x"),
    "wait": lambda broker, keep: broker.wait("e", 0.2),
    "listen": lambda broker, keep: broker.listen("e", 0.2),
    "wait_end": lambda broker, keep: broker.wait_end("x", 0.2),
}


@pytest.mark.parametrize("call", CALLS)
async def test_a_server_that_is_away_is_told_once_and_at_once(call: str) -> None:
    away = f"redis://ardiq:{SECRET}@127.0.0.1:{free_port()}/0"
    keep = Keep(away)
    began = time.monotonic()

    with pytest.raises(BrokerError) as caught:
        await CALLS[call](keep.broker, keep)

    assert time.monotonic() - began < FAST_S
    assert "127.0.0.1" in str(caught.value)
    assert SECRET not in str(caught.value)
    await keep.close()


@pytest.mark.parametrize("call", ["enqueue", "get"])
@pytest.mark.parametrize("is_known", [True, False], ids=["connected", "connecting"])
async def test_a_frozen_server_is_given_up_on(own: Keep, own_server: RedisServer, call: str, is_known: bool) -> None:
    if is_known:
        await CALLS[call](own.broker, own)
    own_server.pause()
    began = time.monotonic()

    with pytest.raises(BrokerError, match="did not answer in time"):
        await CALLS[call](own.broker, own)

    assert time.monotonic() - began < FAST_S
    own_server.resume()
    await own.put()


async def test_a_replica_says_what_it_is(own: Keep, own_server: RedisServer) -> None:
    client: Any = Redis.from_url(own_server.url)
    await client.replicaof("127.0.0.1", free_port())

    with pytest.raises(BrokerError, match="read-only replica"):
        await own.put()

    await client.replicaof("NO", "ONE")
    await client.aclose()
    await own.put()


async def test_a_wrong_password_is_told(own_server: RedisServer) -> None:
    await config(own_server, requirepass=SECRET)
    address = own_server.url.replace("redis://", "redis://:guessed@")
    broker = keeper(address)(address, QueueRules())

    with pytest.raises(BrokerError, match=r"user or password.*") as caught:
        await broker.size()

    assert "guessed" not in str(caught.value)
    await broker.close()


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"appendonly": "no", "save": ""}, "loses everything"),
        ({"appendonly": "no", "save": "3600 1"}, "since the last snapshot"),
        ({"appendonly": "yes", "appendfsync": "everysec"}, "about the last second"),
        ({"appendonly": "yes", "appendfsync": "always"}, "nothing that was accepted"),
    ],
)
async def test_the_server_tells_what_it_may_lose(
    own: Keep, own_server: RedisServer, settings: dict[str, str], sentence: str
) -> None:
    await config(own_server, **settings)

    said = await own.broker.durability()

    assert sentence in said.sentence
    own_server.kill()  # it would take its time over the last file
