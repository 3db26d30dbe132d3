"""Waiting for the end of jobs: one look for everybody on an event loop who waits for one."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from ardiq_django.brokers.bell import Bell, Listener
from ardiq_django.brokers.database.waiting import awaiting_end
from ardiq_django.snapshot import Snapshot

Look = Callable[[Sequence[str]], Awaitable[Mapping[str, Snapshot]]]


class _Waiter:
    """One who waits, and when to look again for that job."""

    def __init__(self, job_id: str, now: float) -> None:
        self.job_id = job_id
        self.ended: asyncio.Future[Snapshot] = asyncio.get_running_loop().create_future()
        self.due = now
        self._pause_s, self._pauses = 0.0, awaiting_end()

    def is_nearly_due(self, now: float) -> bool:
        """So that those who wait long come to be looked for together."""
        return self.due - now <= self._pause_s / 4

    def fail(self, error: Exception) -> None:
        if not self.ended.done():
            self.ended.set_exception(error)

    def tell(self, snapshot: Snapshot | None, now: float) -> None:
        """What a look has found."""
        if snapshot and not self.ended.done():
            self.ended.set_result(snapshot)
        self._pause_s = next(self._pauses)
        self.due = now + self._pause_s


class Ends:
    """Everybody on one event loop who waits for ends in one queue. `look` tells of those jobs that have ended; an error
    of it is that of all for whom was looked. The bell rings for ends that this process wrote."""

    def __init__(self, look: Look, bell: Bell) -> None:
        self._look = look
        self._bell = bell
        self._waiters: set[_Waiter] = set()
        self._listener: Listener | None = None
        self._watching: asyncio.Task[None] | None = None

    async def of(self, job_id: str, timeout_s: float) -> Snapshot | None:
        """How the job ended; None if it has not ended in time."""
        waiter = _Waiter(job_id, asyncio.get_running_loop().time())
        self._waiters.add(waiter)
        try:
            self._look_out()
            async with asyncio.timeout(timeout_s):
                return await waiter.ended
        except TimeoutError:
            return (await self._look([job_id])).get(job_id)  # once at least, however short the time is
        finally:
            self._leave(waiter)

    def _look_out(self) -> None:
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch())
        elif self._listener is not None:
            self._listener.stir()

    def _leave(self, waiter: _Waiter) -> None:
        self._waiters.discard(waiter)
        waiter.ended.cancel()
        if not self._waiters and self._watching is not None:
            self._watching.cancel()
            self._watching = self._listener = None

    async def _watch(self) -> None:
        clock, rings = asyncio.get_running_loop().time, 0
        with self._bell.listener() as self._listener:
            listener = self._listener
            while True:
                rung, rings = listener.rings > rings, listener.rings
                now = clock()
                await self._look_for([one for one in self._waiters if rung or one.is_nearly_due(now)])
                await listener.rung(max(0, min([one.due for one in self._waiters], default=now) - clock()))

    async def _look_for(self, waiters: Sequence[_Waiter]) -> None:
        if not waiters:
            return
        found: Mapping[str, Snapshot] = {}
        try:
            found = await self._look(list({one.job_id for one in waiters}))
        except Exception as error:  # theirs, and not that of those who came meanwhile
            for one in waiters:
                one.fail(error)
        now = asyncio.get_running_loop().time()
        for one in waiters:
            one.tell(found.get(one.job_id), now)
