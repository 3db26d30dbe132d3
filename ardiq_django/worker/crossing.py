"""Between a worker's event loop and the threads of its slots: what is raised on one side arrives on the other."""

import asyncio
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from ardiq_django import bridge
from ardiq_django.worker.run import Cut, Run
from ardiq_django.worker.slots import WorkerSlot

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ended(Generic[T]):
    """How a call ended: neither loops nor futures take every error (SystemExit, StopIteration) as one."""

    value: T | None = None
    error: BaseException | None = None

    def get(self) -> T:
        """What it returned; raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.value  # type: ignore[return-value]


async def in_thread(run: Run, work: Callable[[], T]) -> T:
    """What `work` returns on the thread of the run's slot, in a copy of this context. A thread cannot be cancelled, so
    who is cancelled meanwhile waits for it all the same, unless the worker itself comes to its end."""
    future = submitted(run.slot, work)
    run.in_body = False  # a cut tells the thread, and does not cancel this coroutine
    try:
        ended = await _outlast(run, future)
    finally:
        run.in_body = True
    if run.cut_short:
        raise asyncio.CancelledError
    return ended.get()


def submitted(slot: WorkerSlot, work: Callable[[], T]) -> "asyncio.Future[Ended[T]]":
    """A call on the thread of a slot, in a copy of this context."""
    return asyncio.wrap_future(slot.thread.submit(copy_context().run, _call, work))


async def _outlast(run: Run, future: "asyncio.Future[Ended[T]]") -> "Ended[T]":
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            if run.cut in (Cut.STOP, Cut.LOST):
                raise
            cancelled = error
    if cancelled:
        raise cancelled
    return future.result()


def on_loop(loop: asyncio.AbstractEventLoop | None, work: Callable[[], Awaitable[T]]) -> T:
    """What `work` returns on the worker's loop, in a copy of this thread's context, which waits for it. In a process
    that has no worker it is the bridge's loop."""
    if loop is None:
        ended: Ended[T] = bridge.run(_await(work))
    else:
        ended = asyncio.run_coroutine_threadsafe(_await(work), loop).result()
    return ended.get()


def _call(work: Callable[[], T]) -> Ended[T]:
    try:
        return Ended(work())
    except BaseException as error:
        return Ended(error=error)


async def _await(work: Callable[[], Awaitable[Any]]) -> Ended[Any]:
    try:
        return Ended(await work())
    except BaseException as error:
        return Ended(error=error)
