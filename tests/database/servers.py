"""Database servers of a test's own, to be stopped, frozen and misled; and the alias by which each is known."""

import asyncio
import os
import secrets
import signal
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connections

from tests.services import DatabaseServer, PostgresServer

CLIENTS = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


class SafePostgres(PostgresServer):
    """One whose crash loses nothing that it acknowledged; the others of the tests do not wait for their disk."""

    def _command(self) -> Sequence[str | Path]:
        return (*super()._command(), "-c", "synchronous_commit=on")


@contextmanager
def alias_of(server: DatabaseServer, **settings: Any) -> Iterator[str]:
    """A database alias with our tables, never used twice: threads that outlive a test keep what they have opened."""
    alias = f"{server.directory.name}-{secrets.token_hex(3)}"
    is_postgres = isinstance(server, PostgresServer)
    connections.settings[alias] = {
        **connections.settings["postgres" if is_postgres else "mariadb"],
        "HOST": str(server.directory / ("" if is_postgres else "socket")),
        "NAME": "postgres" if is_postgres else "mysql",
        **settings,
    }
    try:
        yield alias
    finally:
        connections[alias].close()
        del connections.settings[alias]


def make_tables(alias: str) -> None:
    call_command("migrate", database=alias, verbosity=0)
    connections[alias].close()


def ask(alias: str, sql: str) -> list[Any]:
    """What a statement returns, over a connection of its own."""
    connection = connections.create_connection(alias)
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


@asynccontextmanager
async def frozen(server: DatabaseServer, alias: str) -> AsyncIterator[None]:
    """The server and whoever serves a client say nothing, while all connections stay open."""
    asked = await asyncio.to_thread(ask, alias, CLIENTS) if isinstance(server, PostgresServer) else []
    clients = [pid for (pid,) in asked]
    for pid in clients:
        os.kill(pid, signal.SIGSTOP)
    server.pause()
    try:
        yield
    finally:
        for pid in clients:
            os.kill(pid, signal.SIGCONT)
        server.resume()
