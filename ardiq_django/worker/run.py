"""One attempt while it runs."""

import asyncio
from enum import StrEnum

from ardiq_django.context import TaskContext
from ardiq_django.registry import TaskDefinition
from ardiq_django.wire import Delivery
from ardiq_django.worker.slots import WorkerSlot


class Cut(StrEnum):
    """Why we ended an attempt ourselves."""

    TIMEOUT = "timeout"
    ABORT = "abort"
    STOP = "stop"  # the worker stops: handed back
    LOST = "lost"  # the lease is gone: nothing may be written


class Run:
    """A delivery in a slot. `cut` says whether, and why, we asked it to end."""

    __slots__ = (
        "context",
        "cut",
        "definition",
        "delivery",
        "epoch",
        "error",
        "error_after",
        "in_body",
        "is_completing",
        "is_stale",
        "slot",
        "start_ms",
        "task",
    )

    def __init__(
        self,
        delivery: Delivery,
        definition: TaskDefinition | None,
        slot: WorkerSlot,
        start_ms: int,
        epoch: str = "",
    ) -> None:
        self.delivery = delivery
        self.definition = definition
        self.slot = slot
        self.start_ms = start_ms
        self.epoch = epoch  # in which it was claimed
        self.context: TaskContext | None = None
        self.task: asyncio.Task[None] | None = None
        self.cut: Cut | None = None
        self.error: BaseException | None = None  # what hooks are to be told of
        self.in_body = False  # of its coroutine, the only place where a cancel is understood
        self.is_completing = False  # its own transaction is about to end the job: too late for any cut
        self.is_stale = False  # that transaction found that the job is another's now
        self.error_after: BaseException | None = None  # of what waited for the commit of that transaction

    @property
    def in_thread(self) -> bool:
        """Whether its body is where nothing can be cancelled."""
        return self.task is None or not self.in_body

    @property
    def cut_short(self) -> bool:
        """Whether what a thread returns comes too late; a stop lets it finish, and then it counts."""
        return self.cut is not None and self.cut is not Cut.STOP

    def end(self, cut: Cut) -> None:
        """Ask the attempt to end. A coroutine is cancelled, a thread can only be told."""
        if self.is_completing:
            return
        if self.cut is None or cut is Cut.LOST:
            self.cut = cut
        if self.context is not None and (cut is Cut.ABORT or self.in_thread):
            self.context.aborted = True
        if self.task is not None and self.in_body:
            self.task.cancel()
