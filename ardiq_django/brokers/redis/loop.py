"""What belongs to one event loop: its connections, its subscription, its blocking reads."""

import asyncio
import os
import threading
import weakref
from functools import partial
from typing import Any

from ardiq_django.brokers.redis.client import Client
from ardiq_django.brokers.redis.intake import Intake
from ardiq_django.brokers.redis.notices import Notices
from ardiq_django.brokers.redis.scripts import Command, Keyspace, Value

MOST = 1_000  # taken at once
SLACK_S = 0.1  # for the server's answer after a block of the full time


class StandingRead:
    """A blocking, consuming read that outlives whoever waited for it: cancelling it would lose what was taken.

    What it takes while nobody waits goes to the next who asks; or, if others can use it, back into the list.
    """

    def __init__(self, client: Client, key: str, gives_back: bool) -> None:
        self._client = client
        self._wire = client.wire()
        self._key = key
        self._gives_back = gives_back
        self._is_awaited = False
        self._task: asyncio.Task[list[bytes]] | None = None

    async def take(self, timeout_s: float) -> list[bytes]:
        """What came into the list, or nothing once the time is over."""
        if self._task is None:
            self._task = asyncio.create_task(self._read(timeout_s))
        self._is_awaited = True
        try:
            await asyncio.wait((self._task,), timeout=timeout_s + SLACK_S)
        finally:
            self._is_awaited = False
        if not self._task.done():
            return []
        task, self._task = self._task, None
        return task.result()

    async def _read(self, timeout_s: float) -> list[bytes]:
        popped = await self._ask(timeout_s, b"BLPOP", self._key, f"{max(timeout_s, 0.001):.3f}")
        if popped is None:
            return []
        if self._gives_back:
            if not self._is_awaited:
                await self._ask(0, b"RPUSH", self._key, popped[1])
            return []
        return [popped[1], *(await self._ask(0, b"LPOP", self._key, MOST) or ())]

    async def _ask(self, timeout_s: float, *args: Value) -> Any:
        return await self._client.block(self._wire, Command(args), timeout_s)

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

    def mail(self, epoch: str, key: str) -> StandingRead:
        """The read of what a worker is told."""
        return self._reads.setdefault((epoch, key), StandingRead(self.client, key, gives_back=False))

    def token(self, epoch: str, key: str) -> StandingRead:
        """The read by which an idle worker is woken."""
        return self._reads.setdefault((epoch, key), StandingRead(self.client, key, gives_back=True))

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
        self._inherited: list[list[PerLoop]] = []

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
                # kept as they are: to close them here would take them from the parent's selector, which we share
                self._inherited.append(list(self._parts.values()))
                self._parts, self._pid = weakref.WeakKeyDictionary(), os.getpid()
            for closed in [other for other in self._parts if other.is_closed()]:
                del self._parts[closed]  # its connections hold on to it, so it would never go by itself
            return self._parts.setdefault(loop, self._make())

    async def close(self) -> None:
        """Close what belongs to the running loop."""
        with self._lock:
            part = self._parts.pop(asyncio.get_running_loop(), None)
        if part is not None:
            await part.close()
