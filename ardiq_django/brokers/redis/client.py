"""Connections to one Redis, kept per event loop, and how a command gets its answer or one clear error.

The client library's own retries are off: it would send a command again without telling. Here a command is sent again if
its connection turns out to have died, and every command of this package may be: a repeat changes nothing.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as Disconnected
from redis.exceptions import NoScriptError, RedisError, ResponseError

from ardiq_django.brokers.redis.address import parse
from ardiq_django.brokers.redis.reasons import BEING_MOVED, ELSEWHERE, code_of, reason_of
from ardiq_django.brokers.redis.route import Route, route_to
from ardiq_django.brokers.redis.scripts import Command, Packable
from ardiq_django.exceptions import BrokerError
from ardiq_django.validation import masked

ANSWER_TIMEOUT_S = 2.7  # with what the caller adds, an unreachable server is one error within 3 s
POOLED = 8
PAUSE_S = 0.2
MOVING_PAUSE_S = 0.1
LEAVING_S = 0.7  # of a call's time for its last try
TRIES = 3  # of one command: one connection may have died long ago unnoticed, and the next under way
IN_FLIGHT = 2  # so that the next command is packed while the server works on this one


class Wire:
    """One pinned connection. Its commands are packed by us, so that a batch costs one write and one read."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._connection: AbstractConnection | None = None
        self._turns = 0  # of the route, when the connection was opened

    @property
    def is_open(self) -> bool:
        return self._connection is not None

    @property
    def is_outdated(self) -> bool:
        """Whether it leads to a server that another has replaced."""
        return self._connection is not None and self._turns != self._route.turns

    async def ask(self, commands: Sequence[Packable], progress: Callable[[], None]) -> list[Any]:
        """One answer for each command, in order; errors the server answers are among them. `progress` is called when
        some are answered and others are not."""
        answers: list[Any] = []
        for sent, command in enumerate(commands):
            if sent - len(answers) == IN_FLIGHT:
                answers.append(await self.read())
                progress()
            await self.send(command)
        answers.append(await self.read())
        while len(answers) < len(commands):
            progress()
            answers.append(await self.read())
        return answers

    async def send(self, command: Packable) -> None:
        """Send a command, whose answer is to be read. The connection is cut if this fails or is cancelled midway."""
        try:
            connection = self._connection or await self.open()
            await connection.send_packed_command(command.packed(), check_health=False)
        except BaseException:
            await self.cut()
            raise

    async def read(self) -> Any:
        """The next answer, which may be an error of the server's. The connection is cut if this fails or is cancelled:
        an answer that comes later must not be taken for that of another command."""
        if self._connection is None:
            raise Disconnected("the connection was cut")
        answer: Any
        try:
            answer = await self._connection.read_response(disable_decoding=True)
        except ResponseError as error:
            answer = error
        except BaseException:
            await self.cut()
            raise
        if self.is_outdated:
            await self.cut()
            raise Disconnected("another server has taken its place")
        return answer

    async def open(self) -> AbstractConnection:
        self._connection = connection = await self._route.open()
        self._turns = self._route.turns
        return connection

    async def renew(self) -> None:
        """To be called while no answer is awaited: what is sent next goes to the server that counts."""
        if self.is_outdated:
            await self.cut()

    async def cut(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.disconnect(nowait=True)


class Client:
    """All connections of one event loop to the Redis that keeps a key."""

    def __init__(self, address: str, key: str) -> None:
        self.address = address
        self.route = route_to(parse(address), key)
        self._hot, self._hot_lock = self.wire(), asyncio.Lock()
        self._idle: deque[Wire] = deque()
        self._room = asyncio.Semaphore(POOLED)
        self._is_closed = False

    def wire(self) -> Wire:
        return Wire(self.route)

    @property
    def is_hot_busy(self) -> bool:
        return self._hot_lock.locked()

    async def hot(self, command: Packable) -> Any:
        """Answer a command on the connection kept for the hot path; calls there follow one another."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S) as bound, self._hot_lock:
                try:
                    (answer,) = await self._answers(self._hot, (command,), bound)
                finally:
                    await self._let_go(self._hot)
        except (RedisError, OSError) as error:
            raise self._refusal(error) from error
        return answer

    async def ask(self, *commands: Packable) -> list[Any]:
        """Answer commands on any connection, in order."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S) as bound, self._pooled() as wire:
                return await self._answers(wire, commands, bound)
        except (RedisError, OSError) as error:
            raise self._refusal(error) from error

    async def block(self, wire: Wire, command: Packable, timeout_s: float) -> Any:
        """Answer a command that may block so long on the server; None also if its connection went meanwhile."""
        try:
            async with asyncio.timeout(timeout_s + ANSWER_TIMEOUT_S) as bound:
                if not wire.is_open:
                    await wire.open()
                with contextlib.suppress(Disconnected):
                    return (await self._answers(wire, (command,), bound, tries=1))[0]
                await asyncio.sleep(PAUSE_S)  # or one whose server drops it each time would spin
        except (RedisError, OSError) as error:
            raise self._refusal(error) from error
        return None

    async def close(self) -> None:
        """Cut what is idle; a call that is under way still gets its answer, and leaves no connection behind."""
        self._is_closed = True
        idle = [*self._idle] if self._hot_lock.locked() else [self._hot, *self._idle]
        self._idle.clear()
        for wire in idle:
            await wire.cut()

    async def _let_go(self, wire: Wire) -> None:
        if self._is_closed:
            await wire.cut()

    @contextlib.asynccontextmanager
    async def _pooled(self) -> AsyncIterator[Wire]:
        async with self._room:
            wire = self._idle.pop() if self._idle else self.wire()
            try:
                yield wire
            finally:
                self._idle.append(wire)
                await self._let_go(wire)

    async def _answers(
        self, wire: Wire, commands: Sequence[Packable], bound: asyncio.Timeout, tries: int = TRIES
    ) -> list[Any]:
        def progress() -> None:
            bound.reschedule(asyncio.get_running_loop().time() + ANSWER_TIMEOUT_S)

        clock, until_s = asyncio.get_running_loop().time, bound.when() or 0.0
        answers = await self._asked(wire, commands, progress, tries)
        while _is_being_moved(answers) and clock() + LEAVING_S < until_s:
            await asyncio.sleep(MOVING_PAUSE_S)
            answers = await self._asked(wire, commands, progress, tries)
        for i, answer in enumerate(answers):
            script = commands[i].script
            if isinstance(answer, NoScriptError) and script is not None:
                load = Command((b"SCRIPT", b"LOAD", script.text))
                answers[i] = (await wire.ask((load, commands[i]), progress))[1]
            if isinstance(answers[i], ResponseError):
                await self._refused(wire, answers[i])
        return answers

    async def _asked(
        self, wire: Wire, commands: Sequence[Packable], progress: Callable[[], None], tries: int
    ) -> list[Any]:
        await wire.renew()
        if not wire.is_open:  # a server that cannot be reached is told at once
            await wire.open()
        try:
            answers = await wire.ask(commands, progress)
        except Disconnected:
            if tries <= 1:
                raise
        else:
            if tries < 1 or not self._is_elsewhere(answers):
                return answers
            await wire.cut()
        return await self._asked(wire, commands, progress, tries - 1)

    def _is_elsewhere(self, answers: Sequence[Any]) -> bool:
        return any(isinstance(answer, ResponseError) and self.route.follow(answer) for answer in answers)

    async def _refused(self, wire: Wire, error: ResponseError) -> None:
        if code_of(error) in ELSEWHERE:
            await wire.cut()
            self.route.doubt()
        raise error

    def _refusal(self, error: BaseException) -> BrokerError:
        where = f"Redis at {masked(self.address)}"
        if isinstance(error, TimeoutError):
            return BrokerError(f"{where} did not answer in time")
        return BrokerError(f"{where} cannot be used: {reason_of(error)}")


def _is_being_moved(answers: Sequence[Any]) -> bool:
    # no node does a command of ours meanwhile: some of the keys it names are at the one, and some at the other
    return any(isinstance(answer, ResponseError) and code_of(answer) in BEING_MOVED for answer in answers)
