"""A queue under test: the broker that keeps it, other processes' views of it, its clock, its workers."""

import asyncio
import secrets
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ardiq_django.brokers import keeper
from ardiq_django.brokers.base import Broker, QueueRules
from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.clock import new_epoch, new_id, now_ms
from ardiq_django.results import State
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.wire import (
    FORMAT,
    Acceptance,
    Answer,
    Beat,
    Delivery,
    Exchange,
    News,
    Outcome,
    StagedJob,
    Turn,
    WorkerCard,
)

LANES = ("high", "default", "low")  # as a worker serves them
LEASE_MS = 30_000
SOON_S = 5.0
RUBBISH = b"\xc1\xff\x00"  # no msgpack begins with c1


T = TypeVar("T")


NO_CAPS: Mapping[str, int] = {}


class Worker:
    """A worker's half of the protocol: its epoch, its call counter, what it holds."""

    def __init__(self, broker: Broker, card: WorkerCard) -> None:
        self.broker = broker
        self.card = card
        self.epoch = card.epoch
        self.call = 0
        self.held: dict[str, int] = {}
        self._last = Exchange(card.epoch, 0)

    async def exchange(
        self,
        *outcomes: Outcome,
        want: int = 0,
        lanes: Sequence[str] = LANES,
        caps: Mapping[str, int] | None = None,
    ) -> Turn:
        """The next turn: these outcomes in, up to `want` jobs out."""
        for outcome in outcomes:
            self.held.pop(outcome.delivery.job.id, None)
        self._next(outcomes, want, lanes, caps or {})
        return await self.repeat()

    def _next(
        self, outcomes: Sequence[Outcome], want: int, lanes: Sequence[str] = LANES, caps: Mapping[str, int] = NO_CAPS
    ) -> Exchange:
        self.call += 1
        self._last = Exchange(self.epoch, self.call, self.card.worker_id, outcomes, want, lanes, caps, len(self.held))
        return self._last

    async def repeat(self) -> Turn:
        """The last turn once more, as after a lost reply."""
        return self._took(await self.broker.exchange(self._last))

    def _took(self, turn: Turn) -> Turn:
        self.held.update({delivery.job.id: delivery.claim for delivery in turn.deliveries})
        return turn

    async def asleep(self, timeout_s: float, want: int = 1) -> Turn:
        """The next turn, made once there may be something to claim or the time is over."""
        return self._took(await self.broker.claim(self._next((), want), timeout_s))

    async def claim(
        self, want: int = 1, lanes: Sequence[str] = LANES, caps: Mapping[str, int] | None = None
    ) -> list[Delivery]:
        return list((await self.exchange(want=want, lanes=lanes, caps=caps)).deliveries)

    async def claim_one(self) -> Delivery:
        (delivery,) = await self.claim(1)
        return delivery

    async def settle(self, *outcomes: Outcome) -> list[Answer]:
        return list((await self.exchange(*outcomes)).answers)

    async def beat(self, news: News | None = None) -> Beat:
        return await self.broker.beat(self.epoch, self.call, self.held, news or News())

    async def leave(self) -> None:
        await self.broker.leave(self.epoch)


class Keep:
    """One queue, kept by the broker of an address."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.rules = QueueRules(f"t-{secrets.token_hex(6)}", ("low", "default", "high"), LEASE_MS)
        self._brokers: list[Broker] = []
        self._skew_ms = 0
        self.broker = self._made()

    @property
    def now_ms(self) -> int:
        """About the broker's time."""
        return now_ms() + self._skew_ms

    def ruled(self, **changes: Any) -> Broker:
        """Begin again with other rules."""
        self.rules = replace(self.rules, **changes)
        self.broker = self._made()
        return self.broker

    def second(self) -> Broker:
        """What another process sees of the same queue."""
        return self.broker if isinstance(self.broker, MemoryBroker) else self._made()

    def _made(self) -> Broker:
        broker = keeper(self.address)(self.address, self.rules)
        broker.skew_ms = self._skew_ms
        self._brokers.append(broker)
        return broker

    def travel(self, ms: int) -> None:
        """Let so much time pass at once."""
        self._skew_ms += ms
        for broker in self._brokers:
            broker.skew_ms = self._skew_ms

    def outlast_lease(self) -> None:
        self.travel(LEASE_MS + 1_000)

    def job(self, **fields: Any) -> StagedJob:
        given: dict[str, Any] = {
            "format": FORMAT,
            "id": new_id(),
            "task": "shop.tasks.mail",
            "lane": "default",
            "call": b"\x92\x90\x80",
            "enqueued_ms": now_ms(),
        }
        return StagedJob(**{**given, **fields})

    async def put(self, **fields: Any) -> StagedJob:
        """A job that was accepted."""
        (job,) = await self.put_many(1, **fields)
        return job

    async def put_many(self, number: int, **fields: Any) -> list[StagedJob]:
        jobs = [self.job(**fields) for _ in range(number)]
        answers = await self.broker.enqueue(jobs)
        assert answers == [Acceptance.CREATED] * number
        return jobs

    async def worker(self, name: str = "a", broker: Broker | None = None) -> Worker:
        """A worker with a fresh epoch."""
        card = WorkerCard(new_epoch(), name, host="host", pid=7, concurrency=10, started_ms=self.now_ms)
        worker = Worker(broker or self.broker, card)
        await worker.broker.register(card)
        return worker

    async def running(self, name: str = "a", **fields: Any) -> tuple[Worker, Delivery]:
        """A worker and the one job in its hands."""
        worker = await self.worker(name)
        await self.put(**fields)
        return worker, await worker.claim_one()

    async def get(self, job_id: str) -> Snapshot:
        snapshot = await self.broker.get(job_id)
        assert snapshot is not None
        return snapshot

    async def state(self, job_id: str) -> State:
        return (await self.get(job_id)).state

    async def listed(self, query: Query) -> list[str]:
        return [row.job.id for row in (await self.broker.page(query)).rows]

    async def let_sleep(self, waiter: "asyncio.Task[Any]") -> None:
        """Give a task that is to sleep at the broker the time of a few round trips to fall asleep."""
        for _ in range(5):
            await self.broker.size()
            await asyncio.sleep(0)
        assert not waiter.done()

    async def corrupt(self, job_id: str, data: bytes = RUBBISH) -> None:
        """Overwrite the stored bytes of a job with some that nobody can decode, or with others."""
        if isinstance(self.broker, MemoryBroker):
            self.broker._jobs.entries[job_id].envelope = data
        elif self.address.startswith("database"):
            await asyncio.to_thread(self._corrupt_row, job_id, data)
        else:
            await self._corrupt_field(job_id, data)

    def _corrupt_row(self, job_id: str, data: bytes) -> None:
        from django.db import connections

        connection = connections[self.address.partition("://")[2]]
        with connection.cursor() as cursor:
            write = "UPDATE ardiq_job SET envelope = %s WHERE queue = %s AND job_id = %s"
            cursor.execute(write, [data, self.rules.queue, job_id])
        connection.close()

    async def _corrupt_field(self, job_id: str, data: bytes) -> None:
        from redis.asyncio import Redis

        client = Redis.from_url(self.address)
        await client.hset(f"ardiq:{{{self.rules.queue}}}:jobs", job_id, data)
        await client.aclose()

    async def close(self) -> None:
        for broker in self._brokers:
            await broker.close()


async def soon(awaitable: Awaitable[T]) -> T:
    """Its result, long before any timeout of the suite would have been over."""
    return await asyncio.wait_for(awaitable, SOON_S)


def ids(deliveries: Sequence[Delivery]) -> list[str]:
    return [delivery.job.id for delivery in deliveries]
