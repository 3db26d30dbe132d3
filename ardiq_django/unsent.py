"""Enqueuing that was written but would never happen: coroutines nobody awaits, calls that do not fit where they are."""

import asyncio
import sys
from collections.abc import Coroutine, Generator
from types import FrameType
from typing import Any, TypeVar

from ardiq_django.exceptions import SyncContextError
from ardiq_django.line import logger_of
from ardiq_django.surroundings import around

R = TypeVar("R")
logger = logger_of("ardiq")


class Unsent(Coroutine[Any, Any, R]):
    """The coroutine of an `enqueue`; one that is thrown away without being awaited is an error in the log."""

    __slots__ = ("_begun", "_coroutine", "_line", "_what")

    def __init__(self, coroutine: Coroutine[Any, Any, R], what: str) -> None:
        self._coroutine = coroutine
        self._what = what
        caller: FrameType | None = sys._getframe(1)
        while caller and caller.f_globals.get("__name__", "").startswith("ardiq_django."):
            caller = caller.f_back
        self._line = (caller.f_code.co_filename, caller.f_lineno) if caller else ("?", 0)
        self._begun = False

    def send(self, value: Any) -> Any:
        self._begun = True
        return self._coroutine.send(value)

    def throw(self, *error: Any) -> Any:
        self._begun = True
        return self._coroutine.throw(*error)

    def close(self) -> None:
        self._begun = True
        self._coroutine.close()

    def __await__(self) -> Generator[Any, Any, R]:
        self._begun = True
        return self._coroutine.__await__()

    def __del__(self) -> None:
        if not self._begun:
            self._coroutine.close()
            place = "{}:{}".format(*self._line)
            logger.error("%s was never awaited, so nothing was enqueued: %s", self._what, place)


def refuse_where_no_loop_runs(what: str, name: str) -> None:
    """Raise `SyncContextError` where a coroutine of `name` would be awaited by nobody."""
    if asyncio._get_running_loop() is None and around().refuses_bare_coroutines():
        raise SyncContextError(
            f"{what}: {name}() must be awaited, and no event loop runs here, so nothing would be enqueued:"
            f" call {name}_sync() instead"
        )


def refuse_inside_a_loop(name: str) -> None:
    """Raise `SyncContextError` where the sync twin of `name` would block a running event loop."""
    if asyncio._get_running_loop() is not None:
        raise SyncContextError(f"{name}_sync() would block the event loop: write await ….{name}(…) here")
