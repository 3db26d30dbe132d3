"""A thread that hears, between the calls it is given, what other processes tell over its PostgreSQL connection."""

import contextlib
import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ardiq_django.bridge import promised
from ardiq_django.brokers.database.lookout import Waiting

T = TypeVar("T")
CHANNEL = "ardiq"


class ListeningExecutor(Executor):
    """One thread for calls, in order. Once it `listens`, it sleeps on its connection as well, and says what it hears;
    what is told while there is no connection is missed, so nobody may rely on it."""

    def __init__(
        self, alias: str, name: str, begin: Callable[[], None], heard: Callable[[str], None], waiting: Waiting
    ) -> None:
        self.listens = False
        self._waiting = waiting
        self._alias = alias
        self._begin = begin
        self._heard = heard
        self._calls: deque[Callable[[], None] | None] = deque()
        self._bell, self._ear = socket.socketpair()
        self._listening: Any = None  # the driver's connection that was told to listen
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._thread.start()

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        """As any executor's."""
        future, call = promised(lambda: fn(*args, **kwargs))
        self._post(call)
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the thread after what it still has to do."""
        with contextlib.suppress(OSError):  # the thread may have read it, and ended, before it is rung for
            self._post(None)
        if wait:
            self._thread.join()

    def _post(self, call: Callable[[], None] | None) -> None:
        self._calls.append(call)
        self._bell.send(b"!")

    def _serve(self) -> None:
        self._begin()
        with self._bell, self._ear:
            while True:
                ready, _, _ = select.select([self._ear, *([self._listening] if self._listening else [])], [], [])
                if self._ear in ready:
                    self._ear.recv(4096)
                while self._calls:
                    call = self._calls.popleft()
                    if call is None:
                        return
                    call()
                if self.listens:
                    self._hear()

    def _hear(self) -> None:
        with self._waiting.asking():
            self._ask(connections[self._alias])

    def _ask(self, connection: BaseDatabaseWrapper) -> None:
        try:
            if connection.connection is not self._listening:
                self._listening = None
                if connection.connection is not None:
                    with connection.cursor() as cursor:
                        cursor.execute(f"LISTEN {CHANNEL}")
                    self._listening = connection.connection
            if self._listening is not None:
                with connection.wrap_database_errors:
                    told = told_to(self._listening)
                for notice in told:
                    self._heard(notice)
        except (Error, OSError):
            self._listening = None
            connection.close()  # the next call opens another


def told_to(driver: Any) -> list[str]:
    """What a connection of psycopg, 3 or 2, was told since it was last asked."""
    if callable(driver.notifies):
        return [notice.payload for notice in driver.notifies(timeout=0)]
    driver.poll()
    told = [notice.payload for notice in driver.notifies]
    driver.notifies.clear()
    return told
