"""What may happen to one command of one process, and the process it happens to."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from contextvars import Context, ContextVar
from enum import StrEnum
from typing import Any, Optional

BURY_EVERY_S = 0.02
UNTIL_TOLD = 4  # so often in a row, and the client's own repeats are used up: its caller hears of it


class Fault(StrEnum):
    """What becomes of a command."""

    DROPPED = "dropped"  # it never arrives
    LOST = "reply lost"  # it is done, and nobody hears of it
    DROPPED_OFTEN = "dropped, told"
    LOST_OFTEN = "reply lost, told"
    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"

    @property
    def times(self) -> int:
        """How many commands in a row it befalls."""
        return UNTIL_TOLD if self in (Fault.DROPPED_OFTEN, Fault.LOST_OFTEN) else 1

    @property
    def is_done(self) -> bool:
        """Whether the command takes effect."""
        return self in (Fault.LOST, Fault.LOST_OFTEN, Fault.CRASH_AFTER)

    @property
    def kills(self) -> bool:
        """Whether the process that sent it dies of it."""
        return self in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER)


class Fuse:
    """Counts the commands of all processes of a run, and blows at the one numbered `at`."""

    def __init__(self, fault: Fault = Fault.DROPPED, at: int = 0) -> None:
        self.fault = fault
        self.count = 0
        self.victim: Process | None = None
        self.blown_s = 0.0  # by time.monotonic()
        self._at = at
        self._left = fault.times
        self._lock = threading.Lock()

    def befalls(self, process: "Process") -> Fault | None:
        """What becomes of this command, the next of a process; from any thread."""
        with self._lock:
            self.count += 1
            if self.count == self._at:
                self.victim, self.blown_s = process, time.monotonic()
            if self.victim is not process or not self._left:
                return None
            self._left -= 1
            return self.fault


class Process:
    """A part of a run that lives and dies on its own: its tasks, and whether what it says still reaches anybody."""

    def __init__(self, name: str, fuse: Fuse) -> None:
        self.name = name
        self.is_dead = False
        self._fuse = fuse
        self._loop = asyncio.get_running_loop()
        self._died = asyncio.Event()
        self._tasks: dict[asyncio.Task[Any], None] = {}  # in the order in which they began

    def next_fault(self) -> Fault | None:
        """What becomes of the command it is about to send."""
        return self._fuse.befalls(self)

    def die(self) -> None:
        """As by SIGKILL: from now on it says and does nothing; from any thread."""
        self.is_dead = True
        self._loop.call_soon_threadsafe(self._died.set)

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task of this process; those it begins in turn are so, too."""
        context = Context()
        context.run(_here.set, self)
        return context.run(self._loop.create_task, coroutine)

    def own(self, task: "asyncio.Task[Any]") -> None:
        self._tasks[task] = None
        task.add_done_callback(self._forget)

    def _forget(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.pop(task, None)

    async def bury(self) -> None:
        """Once it has died, end its tasks, which would like to tidy up."""
        await self._died.wait()
        while living := [task for task in self._tasks if not task.done()]:
            for task in living:
                task.cancel()
            await asyncio.wait(living, timeout=BURY_EVERY_S)


_here: ContextVar[Optional["Process"]] = ContextVar("process", default=None)


def task_of_process(loop: asyncio.AbstractEventLoop, coroutine: Any, **given: Any) -> "asyncio.Task[Any]":
    """A task factory by which each process knows its tasks."""
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **given)
    if process := _here.get():
        process.own(task)
    return task
