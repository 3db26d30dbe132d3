"""Servers that say nothing: whoever waits for one is set free after a time, by a thread that looks after all."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

SILENCE_S = 20.0  # no verb of a healthy server takes as long, and a lease is longer
LOOK_EVERY_S = 0.5


class Waiting:
    """A thread that asks a server over a connection of its own, and since when it has waited for the answer."""

    def __init__(self) -> None:
        self.connection: BaseDatabaseWrapper | None = None
        self._since: float | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around whatever asks."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def sever_after(self, silence_s: float) -> None:
        """Cut the connection if it has been waited for so long: who waits hears that the server is gone.

        What it had asked for may be done all the same; every verb can be repeated."""
        since = self._since
        if since is not None and self.connection is not None and time.monotonic() - since >= silence_s:
            self._since = time.monotonic()
            sever(self.connection.connection)


def sever(driver: Any) -> None:
    """Shut the socket of a driver's connection, from any thread; nothing happens if it has none."""
    with suppress(Exception):  # each driver has errors of its own for a connection that is closed
        number = _socket_of(driver)
        with socket.socket(fileno=os.dup(number)) as twin:
            # had it been closed meanwhile, the number could be that of another file by now
            if _socket_of(driver) == number:
                twin.shutdown(socket.SHUT_RDWR)


def _socket_of(driver: Any) -> int:
    number: int = driver.fileno() if hasattr(driver, "fileno") else driver._sock.fileno()
    return number


class Lookout:
    """Looks after the waiting of this process, in a thread that lives as long as there are any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watched: set[Waiting] = set()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0

    def watch(self, waiting: Waiting) -> None:
        with self._lock:
            if self._pid != os.getpid():  # a forked child inherits the set but not the thread
                self._pid, self._watched = os.getpid(), set()
            if not self._watched:
                self._over = threading.Event()
                self._thread = threading.Thread(
                    target=self._look, args=(self._over,), name="ardiq-lookout", daemon=True
                )
                self._thread.start()
            self._watched.add(waiting)

    def leave(self, waiting: Waiting) -> None:
        with self._lock:
            self._watched.discard(waiting)
            if not self._watched and self._thread is not None:
                self._over.set()
                self._thread.join()
                self._thread = None

    def _look(self, over: threading.Event) -> None:
        while not over.wait(LOOK_EVERY_S):
            for waiting in tuple(self._watched):
                waiting.sever_after(SILENCE_S)


here = Lookout()
