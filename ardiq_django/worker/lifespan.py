"""What an app's lifespan sets up before the first job of a worker, and takes down after its last."""

import asyncio
from collections.abc import Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from ardiq_django.hooks import Lifespan
from ardiq_django.worker.report import Report
from ardiq_django.worker.upkeep import cancel_and_wait

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq


class WorkerLifespan:
    """Runs the app's lifespan in a task of its own, since what opens a task group must also close it."""

    def __init__(self, app: "Ardiq", report: Report) -> None:
        self._app = app
        self._report = report
        self._over = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Run it up to its `yield`; raises what it raises there. Cancelling this cancels it, and waits for its end."""
        if self._app.hooks.lifespan is None:
            return
        stands = asyncio.Event()
        self._task = asyncio.create_task(self._live(self._app.hooks.lifespan, stands))
        standing = asyncio.ensure_future(stands.wait())
        try:
            await asyncio.wait([self._task, standing], return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await cancel_and_wait([self._task])
            raise
        finally:
            standing.cancel()
        if self._task.done():
            self._task.result()

    async def end(self) -> None:
        """Run it to its end. It has as long as running jobs have at a stop; then it is cancelled."""
        if self._task is None:
            return
        self._over.set()
        await asyncio.wait([self._task], timeout=max(1.0, self._app.options.shutdown_timeout_s))
        if not self._task.done():
            self._report.lifespan_failed(TimeoutError("it took too long to end, and is cancelled"))
            await cancel_and_wait([self._task])

    async def _live(self, lifespan: Lifespan, stands: asyncio.Event) -> None:
        try:
            async with asynccontextmanager(lifespan)() as given:
                _put(self._app, given)
                stands.set()
                await self._over.wait()
        except Exception as error:
            if not stands.is_set():
                error.add_note(f"raised by the lifespan of queue {self._app.queue_name!r}, so its worker did not begin")
                raise
            self._report.lifespan_failed(error)


def _put(app: "Ardiq", given: Any) -> None:
    if isinstance(given, Mapping):
        for name, value in given.items():
            setattr(app.state, name, value)
    elif given is not None:
        app.state = given
