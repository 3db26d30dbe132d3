"""What the engine asks of the framework around it. `Surroundings` is no framework at all; Django's ring replaces it."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class SlotExecutor(Protocol):
    """A slot's own thread: an executor that counts what it was given to do."""

    calls: int

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """Run `fn` on the thread."""


class Slot:
    """One place in a worker where one job at a time runs, with the unit of work around it."""

    def enter(self) -> None:
        """Called in a job's own context before its coroutine begins; costs nothing until the job needs something."""

    async def leave(self) -> None:
        """Called after a job's coroutine has ended, if `used`."""

    @property
    def used(self) -> bool:
        """Whether the coroutine made the slot's thread work."""
        return False

    def around_thread(self) -> AbstractContextManager[object]:
        """Around a sync job, in the thread that runs it."""
        return nullcontext()

    def look_after(self) -> None:
        """Called now and then while no job runs here: let go of what was kept too long."""

    def close(self) -> None:
        """The worker stops: let go of what the slot kept."""


class Surroundings:
    """Plain Python: Redis on localhost, no transactions, no connections to look after."""

    def default_address(self) -> str:
        """The broker of an app that names none."""
        return "redis://localhost:6379/0"

    def app_options(self, queue: str) -> Mapping[str, Any]:
        """The options of a declared queue; raises `LookupError` where there are no settings."""
        raise LookupError(f"there are no Django settings, so no queue {queue!r}: make an app with Ardiq(...)")

    def declared_queues(self) -> list[str]:
        """The queues the settings declare."""
        return []

    def refuses_bare_coroutines(self) -> bool:
        """Whether an `enqueue` in this place, where no loop runs, is an error at once."""
        return False

    def defer(self, address: str, send: Callable[[], object]) -> bool:
        """Keep `send` for the commit of the transaction that this thread is in; False if it is in none."""
        return False

    async def in_callers_thread(self, function: Callable[[], T]) -> T | None:
        """Run `function` in the sync thread that waits for this coroutine, whose transaction may be open; None if
        no thread waits."""
        return None

    def process_ring(self) -> str:
        """`module:function` of the context manager around all that a process for bodies does; empty for none."""
        return ""

    def slot(self, thread: SlotExecutor) -> Slot:
        """The unit of work of a slot whose thread is given."""
        return Slot()

    async def look_after_store(self) -> None:
        """Called every few seconds by each worker: remove what the framework keeps for tasks beside their broker."""


_around = Surroundings()


def around() -> Surroundings:
    """The surroundings in force."""
    return _around


def install(surroundings: Surroundings) -> None:
    """Put a framework's ring in place; the last one stands."""
    global _around
    _around = surroundings
