"""Waiting for the end of jobs: one subscription that everybody on an event loop shares."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import RedisError

from ardiq_django.brokers.redis.route import Route
from ardiq_django.brokers.redis.scripts import Command

RECONNECT_S = 0.2
RECONNECT_MOST_S = 5.0


class _Channel:
    """Who listens to one channel, and whether the server has confirmed it."""

    def __init__(self) -> None:
        self.is_heard = asyncio.Event()
        self.was_dropped = False
        self.listeners: set[Listener] = set()


class Listener:
    """One who waits for a notice."""

    def __init__(self) -> None:
        self._woken = asyncio.Event()
        self._notice: bytes | None = None

    def wake(self, notice: bytes | None) -> None:
        self._notice = notice or self._notice
        self._woken.set()

    async def notice(self, timeout_s: float) -> bytes | None:
        """The notice; None when it is time to look, because it may have been missed or the time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), timeout_s)
        self._woken.clear()
        return self._notice


class Notices:
    """The subscription; it comes back by itself, and then everybody is woken to look."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._connection: AbstractConnection | None = None
        self._turns = 0  # of the route, when it was opened
        self._channels: dict[bytes, _Channel] = {}
        self._reader: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def listener(self, channel: str, timeout_s: float) -> AsyncIterator[Listener]:
        """Listen from now on: whatever is published once the block is entered is heard."""
        name, listener = channel.encode(), Listener()
        known = self._channels.setdefault(name, _Channel())
        known.listeners.add(listener)
        try:
            if len(known.listeners) == 1:
                await self._say(b"SUBSCRIBE", name)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(known.is_heard.wait(), timeout_s)
            yield listener
        finally:
            known.listeners.discard(listener)
            if not known.listeners:
                self._channels.pop(name, None)
                await self._say(b"UNSUBSCRIBE", name)

    async def close(self) -> None:
        reader, self._reader = self._reader, None
        if reader is not None:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    async def _say(self, word: bytes, channel: bytes) -> None:
        if self._reader is None:
            self._reader = asyncio.create_task(self._read_for_ever())
        elif self._turns != self._route.turns and self._connection is not None:
            await self._connection.disconnect(nowait=True)  # the server was replaced: the reader begins anew
        elif self._connection is not None:
            # a connection that has died is noticed by the reader, who says it all again
            with contextlib.suppress(RedisError, OSError):
                await self._connection.send_packed_command(Command((word, channel)).packed(), check_health=False)

    async def _read_for_ever(self) -> None:
        pause_s = RECONNECT_S
        while True:
            try:
                async with self._connected() as connection:
                    pause_s = RECONNECT_S
                    while True:
                        self._hear(await connection.read_response(disable_decoding=True))
            except (RedisError, OSError):
                await asyncio.sleep(pause_s * random.uniform(0.5, 1))  # noqa: S311
                pause_s = min(RECONNECT_MOST_S, 2 * pause_s)

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AbstractConnection]:
        connection = await self._route.open()
        try:
            self._connection, self._turns = connection, self._route.turns
            if self._channels:
                packed = Command((b"SUBSCRIBE", *self._channels)).packed()
                await connection.send_packed_command(packed, check_health=False)
            yield connection
        finally:
            self._connection = None
            for channel in self._channels.values():
                channel.is_heard.clear()
                channel.was_dropped = True
            await connection.disconnect(nowait=True)

    def _hear(self, message: list[Any]) -> None:
        kind, name, content = message
        channel = self._channels.get(name)
        if channel is None:
            return
        if kind == b"subscribe":
            channel.is_heard.set()
        for listener in channel.listeners:
            if kind == b"message":
                listener.wake(content)
            elif kind == b"subscribe" and channel.was_dropped:
                listener.wake(None)  # its notice may have come in between
