"""Between threads: the one way from synchronous code into a coroutine, on an event loop of its own, made when first
needed; and calls that some other thread is to make."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_pid = 0


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end on the bridge's loop and return its result, or raise its error, in this thread."""
    return asyncio.run_coroutine_threadsafe(coroutine, _bridge_loop()).result()


def run_in_place(coroutine: Coroutine[Any, Any, T]) -> T:
    """Drive a coroutine that never really suspends in this very thread, with its connections and its transaction."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} suspended, so it cannot be run in place")


def _bridge_loop() -> asyncio.AbstractEventLoop:
    global _loop, _pid
    # a forked child inherits the loop object but not its thread
    if _loop is not None and _pid == os.getpid():
        return _loop
    with _lock:
        if _loop is None or _pid != os.getpid():
            _loop = asyncio.new_event_loop()
            _pid = os.getpid()
            threading.Thread(target=_loop.run_forever, name="ardiq-bridge", daemon=True).start()
        return _loop


def promised(work: Callable[[], T]) -> tuple[Future[T], Callable[[], None]]:
    """A future, and the call by which some thread is to fulfil it; a future that was cancelled before stays so."""
    future: Future[T] = Future()

    def fulfil() -> None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(work())
            except BaseException as error:
                future.set_exception(error)

    return future, fulfil
