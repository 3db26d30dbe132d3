"""A thread with a database connection of its own, where nothing of the caller's (transactions, options) reaches."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor, wait
from typing import TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ardiq_django.brokers.database import lookout
from ardiq_django.brokers.database.listening import ListeningExecutor

T = TypeVar("T")
CONNECT_TIMEOUT_S = 3
CLOSE_TIMEOUT_S = 3.0
# A pool is not for connections that are kept, each verb is written for READ COMMITTED, and what is told often is
# prepared by us.
UNWANTED = ("pool", "isolation_level", "server_side_binding")
PREPARED_AT = 2  # a statement that comes for the third time is planned for the last time


def keeps_session(connection: BaseDatabaseWrapper) -> bool:
    """Whether what is said to PostgreSQL holds for the whole connection: prepared statements, LISTEN. Behind a pooler
    of transactions it does not, and Django wants `DISABLE_SERVER_SIDE_CURSORS` there."""
    return connection.vendor == "postgresql" and not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


class OwnThread:
    """One thread and its connection, both begun at the first call and ended by `close`; calls queue up."""

    def __init__(self, alias: str, name: str, heard: Callable[[str], None] | None = None) -> None:
        self._alias = alias
        self._name = name
        self._heard = heard
        self._executor: Executor | None = None
        self._waiting = lookout.Waiting()
        self._pid = 0

    async def run(self, verb: Callable[[], T]) -> T:
        """Call the function there; whoever waits may be cancelled, the call goes on to its end."""
        return await asyncio.get_running_loop().run_in_executor(self._begun(), self._call, verb)

    def listen(self) -> None:
        """From its next call on, hear what other processes tell, where the database can carry that."""
        executor = self._begun()
        if isinstance(executor, ListeningExecutor):
            executor.listens = True

    def close(self) -> None:
        """Close the connection and end the thread; the next call begins another. A call that is under way is waited
        for, but not if its server says nothing."""
        executor, self._executor = self._executor, None
        if executor is not None and self._pid == os.getpid():
            closing = executor.submit(self._close)
            while not wait([closing], CLOSE_TIMEOUT_S).done:
                self._waiting.sever_after(0)
            executor.shutdown()
            lookout.here.leave(self._waiting)

    def _begun(self) -> Executor:
        # a forked child inherits the object but not its thread
        if self._executor is None or self._pid != os.getpid():
            self._pid = os.getpid()
            self._executor = self._made(f"ardiq-{self._name}")
        return self._executor

    def _made(self, name: str) -> Executor:
        if self._heard and keeps_session(connections[self._alias]):
            return ListeningExecutor(self._alias, name, self._take_connection, self._heard, self._waiting)
        return ThreadPoolExecutor(1, name, self._take_connection)

    def _take_connection(self) -> None:
        own = connections[self._alias].copy()
        options = own.settings_dict["OPTIONS"]
        for name in UNWANTED:
            options.pop(name, None)
        if own.vendor == "sqlite":
            # a deferred transaction that begins to write may fail at once, whatever its timeout
            options["transaction_mode"] = "IMMEDIATE"
        else:
            options.setdefault("connect_timeout", CONNECT_TIMEOUT_S)
        if own.vendor == "mysql":  # to some of its drivers a server that greets nobody is connected
            options.setdefault("read_timeout", max(1, int(lookout.SILENCE_S)))
        if keeps_session(own) and _has_psycopg_3():
            options.setdefault("prepare_threshold", PREPARED_AT)
        own.settings_dict["AUTOCOMMIT"] = True
        connections[self._alias] = own
        if own.vendor != "sqlite":
            self._waiting.connection = own
            lookout.here.watch(self._waiting)

    def _call(self, verb: Callable[[], T]) -> T:
        try:
            with self._waiting.asking():
                return verb()
        finally:
            # with DEBUG on, Django keeps thousands of statements for each connection
            connections[self._alias].queries_log.clear()

    def _close(self) -> None:
        connections[self._alias].close()


def _has_psycopg_3() -> bool:
    from django.db.backends.postgresql.psycopg_any import is_psycopg3  # fails where no driver is installed

    return is_psycopg3
