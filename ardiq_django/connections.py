"""Django's ring around the engine: transactions for producers, connections for jobs, options from the settings."""

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import django
from asgiref.sync import AsyncToSync, SyncToAsync, ThreadSensitiveContext, sync_to_async
from django.conf import ENVIRONMENT_VARIABLE, settings
from django.db import connections, transaction

from ardiq_django import conf, hygiene
from ardiq_django.context import TaskContext, task_here
from ardiq_django.hygiene import tidy, watch
from ardiq_django.receipts import ReceiptUpkeep
from ardiq_django.surroundings import Slot, SlotExecutor, Surroundings

T = TypeVar("T")
TRANSACTIONS_OF = "default"
SAME_DATABASE = ("database://", f"database://{TRANSACTIONS_OF}")


class DjangoSurroundings(Surroundings):
    """What the engine asks of Django."""

    def __init__(self) -> None:
        self._receipts = ReceiptUpkeep()

    def default_address(self) -> str:
        return conf.DEFAULT_ADDRESS

    def app_options(self, queue: str) -> Mapping[str, Any]:
        return conf.options_of(queue)

    def declared_queues(self) -> list[str]:
        return list(conf.declared())

    def refuses_bare_coroutines(self) -> bool:
        return not _some_thread_waits()

    def defer(self, address: str, send: Callable[[], object]) -> bool:
        # on the database broker of the same database the row belongs to the transaction by itself
        if address in SAME_DATABASE or not connections[TRANSACTIONS_OF].in_atomic_block:
            return False
        transaction.on_commit(send, using=TRANSACTIONS_OF)
        return True

    async def in_callers_thread(self, function: Callable[[], T]) -> T | None:
        # only a coroutine that async_to_sync runs has a thread waiting for it; a loop's own thread is in no transaction
        if not _some_thread_waits():
            return None
        return await sync_to_async(function, thread_sensitive=True)()

    def process_ring(self) -> str:
        return f"{__name__}:{ring_of_process.__name__}"

    def slot(self, thread: SlotExecutor) -> Slot:
        return DjangoSlot(thread)

    async def look_after_store(self) -> None:
        await self._receipts.tick()


@contextmanager
def ring_of_process() -> Iterator[None]:
    """Around all that a process for bodies does: Django is set up there as by the settings' module, and lets go of its
    connections at the end. A script that configures Django itself does so where it is imported."""
    if ENVIRONMENT_VARIABLE in os.environ:
        django.setup()
        hygiene.begin()
    yield
    if settings.configured:
        connections.close_all()
        hygiene.close_pools()


def _some_thread_waits() -> bool:
    """Whether `async_to_sync` is at work above this call."""
    return getattr(AsyncToSync.executors, "current", None) is not None


class DjangoSlot(Slot):
    """The unit of work of one slot: async jobs make their ORM calls in the slot's own thread, so that the calls of
    different jobs run in parallel and connections number at most the slots."""

    def __init__(self, thread: SlotExecutor) -> None:
        self._thread = thread
        self._context = ThreadSensitiveContext()
        self._calls = 0  # when the job began
        self._looked_after = 0  # the calls when the slot was last looked after
        self._keeps = False  # some connection is open between jobs
        SyncToAsync.context_to_thread_executor[self._context] = thread  # type: ignore[assignment]
        watch()

    def enter(self) -> None:
        self._calls = self._thread.calls
        SyncToAsync.thread_sensitive_context.set(self._context)

    @property
    def used(self) -> bool:
        return self._thread.calls != self._calls

    async def leave(self) -> None:
        await asyncio.wrap_future(self._thread.submit(self._tidy, task_here()))

    @contextmanager
    def around_thread(self) -> Iterator[None]:
        self._tidy(None)
        try:
            yield
        finally:
            self._tidy(task_here())

    def look_after(self) -> None:
        # a connection grows too old while its slot idles, or a coroutine that outlived its job opened one
        if self._keeps or self._thread.calls != self._looked_after:
            self._thread.submit(self._tidy, None)
            self._looked_after = self._thread.calls

    def close(self) -> None:
        if self._thread.calls:
            self._thread.submit(connections.close_all)

    def _tidy(self, task: TaskContext | None) -> None:
        self._keeps = tidy(task)
