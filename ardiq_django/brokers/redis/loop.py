"""What belongs to one event loop: its connections, its subscription, its blocking reads."""

import asyncio
import contextlib
import os
import threading
import weakref
from functools import partial
from typing import Any

from redis.exceptions import RedisError, ResponseError

from ardiq_django.brokers.redis.client import ANSWER_TIMEOUT_S, Client
from ardiq_django.brokers.redis.intake import Intake
from ardiq_django.brokers.redis.notices import Notices
from ardiq_django.brokers.redis.scripts import Command, Keyspace, Value

MOST = 1_000  # taken at once
TROUBLE = (RedisError, OSError)
SLACK_S = 0.1  # for the server's answer after a block of the full time


class Mail:
    """A blocking, consuming read that outlives whoever waited for it: cancelling it would lose what was taken.

    What it takes while nobody waits goes to the next who asks.
    """

    def __init__(self, client: Client, key: str) -> None:
        self._client = client
        self._wire = client.wire()
        self._key = key
        self._task: asyncio.Task[list[bytes]] | None = None

    async def take(self, timeout_s: float) -> list[bytes]:
        """What came into the list, or nothing once the time is over."""
        if self._task is None:
            self._task = asyncio.create_task(self._read(timeout_s))
        await asyncio.wait((self._task,), timeout=timeout_s + SLACK_S)
        if not self._task.done():
            return []
        task, self._task = self._task, None
        return task.result()

    async def _read(self, timeout_s: float) -> list[bytes]:
        popped = await self._ask(timeout_s, b"BLPOP", self._key, f"{max(timeout_s, 0.001):.3f}")
        if popped is None:
            return []
        return [popped[1], *(await self._ask(0, b"LPOP", self._key, MOST) or ())]

    async def _ask(self, timeout_s: float, *args: Value) -> Any:
        return await self._client.block(self._wire, Command(args), timeout_s)

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._wire.cut()


class Wake:
    """The read by which an idle worker is woken: a blocking read that outlives whoever waited for it, and behind it, on
    the same connection, what the server is to do as soon as it ends.

    A token that is taken while nobody waits goes back into the list, for others.
    """

    def __init__(self, client: Client, key: str) -> None:
        self._wire = client.wire()
        self._key = key
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[Any] | None = None
        self._stands = False
        self._behind: list[Command] = []

    async def take(self, timeout_s: float, then: Command | None = None) -> Any:
        """Sleep until there is a token, or the time is over; then the answer to `then`, or None if it is not known."""
        loop = asyncio.get_running_loop()
        waiter = self._waiter = loop.create_future()
        timer = loop.call_later(timeout_s + SLACK_S, _give_up, waiter)
        try:
            if self._task is None:
                self._stands, self._behind = False, []
                self._task = loop.create_task(self._read(timeout_s))
            if then is not None:
                self._behind.append(then)
                if self._stands:
                    with contextlib.suppress(*TROUBLE):  # the read ends then
                        await self._wire.send(then)
            return await waiter
        except asyncio.CancelledError:
            if then is not None:  # the server, too, is to forget it
                await self.stop()
            raise
        finally:
            timer.cancel()
            if self._waiter is waiter:
                self._waiter = None

    async def _read(self, timeout_s: float) -> None:
        answer = None
        # whatever goes wrong is met by the next call on another connection, and told there
        with contextlib.suppress(*TROUBLE):
            async with asyncio.timeout(timeout_s + ANSWER_TIMEOUT_S):
                answer = await self._answer(timeout_s)
        self._task = None
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(answer)

    async def _answer(self, timeout_s: float) -> Any:
        wire, behind, answer = self._wire, self._behind, None
        await wire.renew()
        await wire.send(Command((b"BLPOP", self._key, f"{max(timeout_s, 0.001):.3f}")))
        for command in behind:
            await wire.send(command)
        self._stands = True
        popped = await wire.read()
        if isinstance(popped, ResponseError):  # of a replica, after a failover: a new connection leads elsewhere
            await wire.cut()
            return None
        if popped and not behind and not self._waiter:
            await wire.send(Command((b"RPUSH", self._key, popped[1])))
            await wire.read()
        for _ in behind:  # more may come while these are read
            answer = await wire.read()
        return answer

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._wire.cut()


def _give_up(waiter: "asyncio.Future[Any]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class PerLoop:
    """Everything of one broker on one event loop, made when first used."""

    def __init__(self, address: str, keys: Keyspace) -> None:
        self.client = Client(address, keys.prefix)
        self.intake = Intake(self.client, keys)
        self.notices = Notices(self.client.route)
        self._mails: dict[str, Mail] = {}
        self._wakes: dict[str, Wake] = {}

    def mail(self, epoch: str, key: str) -> Mail:
        """The read of what a worker is told."""
        return self._mails.setdefault(epoch, Mail(self.client, key))

    def wake(self, epoch: str, key: str) -> Wake:
        """The read by which an idle worker is woken."""
        return self._wakes.setdefault(epoch, Wake(self.client, key))

    async def stop_reads(self, epoch: str) -> None:
        for reads in (self._mails, self._wakes):
            if epoch in reads:
                await reads.pop(epoch).stop()

    async def close(self) -> None:
        for epoch in {*self._mails, *self._wakes}:
            await self.stop_reads(epoch)
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
