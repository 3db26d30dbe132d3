"""Beside what runs: a watch for work for the slots that are free."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from ardiq_django.exceptions import BrokerError
from ardiq_django.worker.restraint import Restraint

GRACE_S = 0.001  # a job that ends within it leaves nothing to watch for


class Watch:
    """Sleeps at the broker, by `sleep`, and calls `woken` when there may be work; then it is over."""

    def __init__(self, restraint: Restraint, sleep: Callable[[], Awaitable[None]], woken: Callable[[], None]) -> None:
        self._restraint = restraint
        self._sleep = sleep
        self._woken = woken
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Watch, if nobody does."""
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._keep())

    def end(self) -> None:
        """Watch no more."""
        if self._task is not None:
            self._task.cancel()

    async def _keep(self) -> None:
        await asyncio.sleep(GRACE_S)
        await self._restraint.pause()
        # an error is no reason to stop: the pump is to meet the trouble, and to tell of it
        with contextlib.suppress(BrokerError):
            await self._sleep()
        self._woken()
