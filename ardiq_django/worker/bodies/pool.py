"""The processes that run bodies: started when first needed, kept warm, replaced when they end."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from ardiq_django.worker.bodies.letters import Call, Ended, Said
from ardiq_django.worker.bodies.process import BodyProcess, ProcessDied

RETIRES_AFTER_CALLS = 1_000  # what their libraries leak is given back
IDLE_S = 60.0
CLOSES_WITHIN_S = 10.0  # even a kill waits for what the kernel does in its name


class ProcessPool:
    """As many processes as bodies have run at once, and fewer when fewer do. Used on one event loop."""

    def __init__(self) -> None:
        self._idle: dict[BodyProcess, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self, call: Call, hear: Callable[[Said], None]) -> Ended:
        """Run a body in a process that runs nothing else. Raises `ProcessDied` or `ProcessRefused`.

        Cancelled, it ends only when the process has: by then the body runs no more."""
        while True:
            process = self._warm() or await BodyProcess.spawn()
            was_warm = process.calls > 0
            try:
                ended = await process.call(call, hear)
            except BaseException as error:
                await self._put_down(process, hear)
                if isinstance(error, ProcessDied) and was_warm and not process.has_begun:
                    continue  # it ended while it idled, which is no fault of this job
                raise
            self._take_back(process)
            return ended

    async def close(self) -> None:
        """End all that idle, and wait for those that end."""
        for process in list(self._idle):
            self._retire(process)
        if self._ending:
            await asyncio.wait(self._ending, timeout=CLOSES_WITHIN_S)

    def _warm(self) -> BodyProcess | None:
        while self._idle:
            process, timer = self._idle.popitem()  # the one used last: the others may retire
            timer.cancel()
            if process.is_there:
                return process
            self._remember(process.retire())
        return None

    def _take_back(self, process: BodyProcess) -> None:
        timer = asyncio.get_running_loop().call_later(IDLE_S, self._retire, process)
        self._idle[process] = timer
        if process.calls >= RETIRES_AFTER_CALLS:
            self._retire(process)

    def _retire(self, process: BodyProcess) -> None:
        self._idle.pop(process).cancel()
        self._remember(process.retire())

    def _remember(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        ending = asyncio.ensure_future(work)
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)
        return ending

    async def _put_down(self, process: BodyProcess, hear: Callable[[Said], None]) -> None:
        """However often we are cancelled meanwhile: an attempt that is settled runs no more."""
        ending = self._remember(process.end(hear))
        cancelled: asyncio.CancelledError | None = None
        while not ending.done():
            try:
                await asyncio.wait([ending])
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled:
            raise cancelled
