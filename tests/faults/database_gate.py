"""Between a process and its database: a fault may befall each statement of its connections, and each COMMIT."""

from collections.abc import Callable
from typing import Any

from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from tests.faults.fault import Fault, Process


class DatabaseGate:
    """Stands in the connections of one process: those of its broker's threads, and of the thread that enqueues."""

    def __init__(self, process: Process, address: str) -> None:
        self._process = process
        self._address = address
        self._alias = address.partition("://")[2]

    async def open(self) -> str:
        return self._address

    async def close(self) -> None:
        """Nothing to let go of."""

    def guard(self, broker: Any) -> None:
        """From their first use on, the broker's own connections pass here."""
        for thread in (broker._turns, broker._rest):
            thread._take_connection = self._taken(thread._take_connection)

    def guard_thread(self) -> None:
        """So does that of this thread."""
        connections[self._alias] = own = connections[self._alias].copy()
        self._stand_in(own)

    def _taken(self, take: Callable[[], None]) -> Callable[[], None]:
        def take_guarded() -> None:
            take()
            self._stand_in(connections[self._alias])

        return take_guarded

    def _stand_in(self, connection: Any) -> None:
        commit, connect = connection._commit, connection.connect

        def execute(run: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
            return self._pass(connection, lambda: run(sql, params, many, context))

        def connect_unless_dead() -> None:
            if self._process.is_dead:
                raise OperationalError("the process is dead")
            connect()

        connection.execute_wrappers.append(execute)
        connection._commit = lambda: self._pass(connection, commit)
        connection.connect = connect_unless_dead

    def _pass(self, connection: BaseDatabaseWrapper, command: Callable[[], Any]) -> Any:
        if self._process.is_dead:
            raise self._broken(connection)
        fault = self._process.next_fault()
        if fault is None:
            return command()
        if fault.is_done and (connection.vendor != "sqlite" or connection.in_atomic_block):
            command()  # nobody begins a transaction of SQLite and is told that it failed
        return self._befall(connection, fault)

    def _befall(self, connection: BaseDatabaseWrapper, fault: Fault) -> Any:
        if fault.kills:
            self._process.die()
        raise self._broken(connection)

    def _broken(self, connection: BaseDatabaseWrapper) -> OperationalError:
        # SQLite has no wire that could break: its disk fails, and only a dead process lets go of its connection
        if connection.connection is not None and (connection.vendor != "sqlite" or self._process.is_dead):
            if connection.vendor == "sqlite":
                connection.connection.rollback()  # else its lock would stay for as long as a cursor has rows to give
            connection.connection.close()
        return OperationalError(2013, "the connection was lost, or the disk failed")
