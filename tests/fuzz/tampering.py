"""Writing into a store around the API, as somebody could who has its password."""

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from django.db import connections
from redis.asyncio import Redis

from ardiq_django import Ardiq
from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.clock import now_ms
from ardiq_django.models import Schedule, Stat
from ardiq_django.models.schedule import PLANNED
from tests.fuzz.hostile import blob
from tests.fuzz.samples import ATTEMPT, COMMAND, NEWS, PLAN, RECORD


class Tampering(ABC):
    """Hands on the store of one queue."""

    def __init__(self, app: Ardiq) -> None:
        self.app = app
        self.queue = app.queue_name

    @abstractmethod
    async def overwrite(self, jobs: Mapping[str, bytes]) -> None:
        """Put these bytes where waiting jobs are stored."""

    async def spread(self, chance: random.Random, ids: list[str]) -> None:
        """Put rubbish wherever else bytes are stored."""
        return

    async def close(self) -> None:
        """Let go of what was opened."""
        return


class InMemory(Tampering):
    async def overwrite(self, jobs: Mapping[str, bytes]) -> None:
        assert isinstance(self.app.broker, MemoryBroker)
        for job_id, data in jobs.items():
            self.app.broker._jobs.entries[job_id].envelope = data


class InRedis(Tampering):
    def __init__(self, app: Ardiq) -> None:
        super().__init__(app)
        self._client = Redis.from_url(app.address)

    def _key(self, name: str) -> str:
        return f"ardiq:{{{self.queue}}}:{name}"

    async def overwrite(self, jobs: Mapping[str, bytes]) -> None:
        if jobs:
            await self._client.hset(self._key("jobs"), items=[part for pair in jobs.items() for part in pair])

    async def spread(self, chance: random.Random, ids: list[str]) -> None:
        key, client, name = self._key, self._client, chance.randbytes(6)
        pipe: Any = client.pipeline(transaction=False)
        for job_id in chance.sample(ids, len(ids) // 4):
            pipe.hset(key("tries"), job_id, blob(chance, b"3 0 0 1|" + ATTEMPT))
        for epoch in [name, *await client.zrange(key("workers"), 0, -1)]:
            pipe.rpush(key("mail:").encode() + epoch, blob(chance, COMMAND), COMMAND)
            pipe.pexpire(key("mail:").encode() + epoch, 60_000)
            pipe.hset(key("news"), epoch, blob(chance, NEWS))
        pipe.zadd(key("workers"), {name: 5})
        pipe.hset(key("calls"), name, blob(chance, b"3 5 ddd"))
        pipe.hset(key("cards"), name, blob(chance, NEWS))
        pipe.hset(key("running"), b"run" + name, name + b"." + chance.randbytes(3))
        pipe.hset(key("jobs"), b"run" + name, blob(chance, PLAN))
        pipe.hset(key("jobs"), b"\xff" + name, blob(chance, PLAN))
        pipe.lpush(key("lane:default"), b"\xff" + name, b"nowhere" + name)
        for place in ("due", "retry", "expiry", "waiting"):
            pipe.zadd(key(place), {b"gone" + name: chance.choice((1, 1e18, float("inf"), float("-inf")))})
        for state in ("succeeded", "failed", "aborted", "expired"):
            pipe.zadd(key(f"ended:{state}"), {blob(chance, b"shop.mail\n500\nid"): chance.choice((1, 1e18, now_ms()))})
            pipe.zadd(key(f"ended:{state}"), {b"mail\n500\n" + name + state.encode(): now_ms()})
            pipe.set(key("end:").encode() + name + state.encode(), blob(chance, RECORD), px=60_000)
        pipe.hset(key("plans"), name, b"1 0 aa bb|" + blob(chance, PLAN))
        pipe.zadd(key("plans:next"), {name: 1})
        pipe.hset(key(f"stat:hour:{now_ms() // 3_600_000 * 3_600_000}"), name, blob(chance, b"\x92\x01\x02"))
        await pipe.execute()

    async def close(self) -> None:
        await self._client.aclose()


class InDatabase(Tampering):
    @property
    def _alias(self) -> str:
        return self.app.address.partition("://")[2]

    async def overwrite(self, jobs: Mapping[str, bytes]) -> None:
        await asyncio.to_thread(self._overwrite, jobs)

    def _overwrite(self, jobs: Mapping[str, bytes]) -> None:
        with connections[self._alias].cursor() as cursor:
            write = "UPDATE ardiq_job SET envelope = %s WHERE queue = %s AND job_id = %s"
            cursor.executemany(write, [(data, self.queue, job_id) for job_id, data in jobs.items()])
        connections[self._alias].close()

    async def spread(self, chance: random.Random, ids: list[str]) -> None:
        await asyncio.to_thread(self._spread, chance)

    def _spread(self, chance: random.Random) -> None:
        with connections[self._alias].cursor() as cursor:
            write = "UPDATE ardiq_worker SET news = %s, mail = %s WHERE queue = %s"
            cursor.execute(write, [blob(chance, NEWS), blob(chance, COMMAND), self.queue])
        mine: dict[str, Any] = {"queue": self.queue}
        name = PLANNED + chance.randbytes(6).hex()
        Schedule.objects.using(self._alias).create(name=name, fire_ms=1, next_ms=1, plan=blob(chance, PLAN), **mine)
        hour = now_ms() // 3_600_000 * 3_600_000
        cells = blob(chance, b"\x92\x01\x02")
        Stat.objects.using(self._alias).create(resolution="hour", start_ms=hour, task=name, cells=cells, **mine)
        connections[self._alias].close()


def tampering(app: Ardiq) -> Tampering:
    """Hands on the store of this app."""
    if app.address.startswith("memory"):
        return InMemory(app)
    return InDatabase(app) if app.address.startswith("database") else InRedis(app)
