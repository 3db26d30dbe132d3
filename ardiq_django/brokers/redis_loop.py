"""What belongs to one event loop: its connections, its subscription, its blocking reads."""

import asyncio
import os
import threading
import weakref
from functools import partial

from ardiq_django.brokers.redis_client import Client
from ardiq_django.brokers.redis_intake import Intake
from ardiq_django.brokers.redis_notices import Notices
from ardiq_django.brokers.redis_scripts import Command, Keyspace

MOST = 1_000  # taken at once
SLACK_S = 0.1  # for the server's answer after a block of the full time


class StandingRead:
    """A blocking, consuming read that outlives whoever waited for it: what it took is given to the next who asks.

    Cancelling such a read would lose what the server had already handed over.
    """

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._wire = client.wire()
        self._key = key
        self._task: asyncio.Future[list[bytes]] | None = None

    async def take(self, timeout_s: float) -> list[bytes]:
        if self._task is None:
            self._task = asyncio.ensure_future(self._read(timeout_s))
        await asyncio.wait((self._task,), timeout=timeout_s + SLACK_S)
        if not self._task.done():
            return []
        task, self._task = self._task, None
        return task.result()

    async def _read(self, timeout_s: float) -> list[bytes]:
        pop = Command((b"BLPOP", self._key, f"{max(timeout_s, 0.001):.3f}"))
        popped = await self._client.block(self._wire, pop, timeout_s)
        if popped is None:
            return []
        rest = await self._client.block(self._wire, Command((b"LPOP", self._key, MOST)), 0)
        return [popped[1], *(rest or ())]

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._wire.cut()


class PerLoop:
    """Everything of one broker on one event loop, made when first used."""

    def __init__(self, address: str, keys: Keyspace) -> None:
        self.client = Client(address)
        self.intake = Intake(self.client, keys)
        self.notices = Notices(self.client.connection)
        self._reads: dict[tuple[str, str], StandingRead] = {}

    def read(self, epoch: str, key: str) -> StandingRead:
        """The blocking read of a worker from a list; it has a connection of its own."""
        return self._reads.setdefault((epoch, key), StandingRead(self.client, key))

    async def stop_reads(self, epoch: str | None = None) -> None:
        for name in [name for name in self._reads if epoch in (None, name[0])]:
            await self._reads.pop(name).stop()

    async def close(self) -> None:
        await self.stop_reads()
        await self.notices.close()
        await self.client.close()


class Loops:
    """The part of each event loop. A forked child begins with none: connections must not be shared."""

    def __init__(self, address: str, keys: Keyspace) -> None:
        self._make = partial(PerLoop, address, keys)
        self._lock = threading.Lock()
        self._parts: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, PerLoop] = weakref.WeakKeyDictionary()
        self._pid = os.getpid()

    @property
    def here(self) -> PerLoop:
        loop = asyncio.get_running_loop()
        part = self._parts.get(loop)
        if part is None or self._pid != os.getpid():
            part = self._begin(loop)
        return part

    def _begin(self, loop: asyncio.AbstractEventLoop) -> PerLoop:
        with self._lock:
            if self._pid != os.getpid():
                self._parts, self._pid = weakref.WeakKeyDictionary(), os.getpid()
            return self._parts.setdefault(loop, self._make())

    async def close(self) -> None:
        """Close what belongs to the running loop."""
        with self._lock:
            part = self._parts.pop(asyncio.get_running_loop(), None)
        if part is not None:
            await part.close()
