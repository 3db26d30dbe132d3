"""A queue under test: apps that share it as processes would, their workers, and the passing of time."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from threading import Event
from typing import Any, TypeVar

from django.db import connections

from ardiq_django import Ardiq, Job, TaskResult, bridge
from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.results import State

T = TypeVar("T")
SOON_S = 15.0  # no healthy machine takes that long
LANES = ["low", "default", "high"]


class House:
    """One queue. Every `app` made here stands for a process of its own."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.queue = f"t-{secrets.token_hex(6)}"
        self._apps: list[Ardiq] = []
        self._skew_ms = 0

    def app(self, **options: Any) -> Ardiq:
        """An app on this queue; in memory all share one broker, since there is only one process."""
        given = {"broker": self.address, "priorities": LANES, "shutdown_timeout_s": SOON_S, **options}
        app = Ardiq(queue_name=self.queue, **given)
        if self._apps and isinstance(self._apps[0].broker, MemoryBroker):
            app._broker = self._apps[0].broker
        app.broker.skew_ms = self._skew_ms
        self._apps.append(app)
        return app

    def travel(self, ms: int) -> None:
        """Let so much time pass at once, by the broker's clock."""
        self._skew_ms += ms
        for app in self._apps:
            app.broker.skew_ms = self._skew_ms

    @asynccontextmanager
    async def working(self, *apps: Ardiq) -> AsyncIterator[None]:
        """A worker for each app, until the block ends; they must not have ended by themselves."""
        workers = [asyncio.create_task(app.run()) for app in apps]
        try:
            yield
        finally:
            for app in apps:
                app.stop(now=True)
            await soon(asyncio.gather(*workers))

    async def burst(self, app: Ardiq) -> None:
        """Work until nothing is left to do."""
        app.burst = True
        await soon(app.run())

    async def state(self, job: "Job[Any] | str") -> State | None:
        snapshot = await self._apps[0].broker.get(job if isinstance(job, str) else job.id)
        return snapshot.state if snapshot else None

    async def until_state(self, job: "Job[Any]", *states: State) -> None:
        await until(lambda: self._is_in(job, states))

    async def _is_in(self, job: "Job[Any]", states: tuple[State, ...]) -> bool:
        return await self.state(job) in states

    async def in_thread(self, function: Callable[[], T]) -> T:
        """Call a function as a view would be: in a thread without a loop, whose connections are closed after it."""
        return await asyncio.to_thread(_with_connections_closed, function)

    async def close(self) -> None:
        for app in self._apps:
            await app.broker.close()
            if self.address.startswith(
                ("redis", "unix")
            ):  # whose connections belong to loops, and sync callers have one
                await asyncio.to_thread(bridge.run, app.broker.close())


def _with_connections_closed(function: Callable[[], T]) -> T:
    try:
        return function()
    finally:
        connections.close_all()


async def soon(awaitable: Awaitable[T]) -> T:
    """Its result, long before a timeout of the engine would have helped it along."""
    return await asyncio.wait_for(awaitable, SOON_S)


async def end_of(job: "Job[Any]") -> TaskResult[Any]:
    """How a job ended; the test fails if it does not."""
    result = await job.result(timeout=SOON_S)
    assert result is not None
    return result


async def seen(event: Event) -> None:
    """Wait for a thread's event."""
    assert await asyncio.to_thread(event.wait, SOON_S)


async def until(holds: Callable[[], Awaitable[bool] | bool]) -> None:
    """Wait for a condition that nothing announces."""

    async def look() -> None:
        while not await _truth(holds()):  # noqa: ASYNC110
            await asyncio.sleep(0.005)

    await soon(look())


async def _truth(said: Awaitable[bool] | bool) -> bool:
    return said if isinstance(said, bool) else await said
