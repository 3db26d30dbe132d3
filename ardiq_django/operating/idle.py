"""Transactions of a PostgreSQL that stay open: what was deleted or rewritten since cannot be cleaned away meanwhile."""

from typing import NamedTuple

from django.db import connections

LONG_S = 300
OLDEST = (
    "SELECT pid, usename, state, CAST(EXTRACT(EPOCH FROM clock_timestamp() - xact_start) AS bigint) "
    "FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
    "AND pid <> pg_backend_pid() AND xact_start <= clock_timestamp() - %s * INTERVAL '1 second' "
    "ORDER BY xact_start LIMIT 1"
)


class OpenTransaction(NamedTuple):
    """One that is open for long."""

    pid: int
    user: str
    state: str
    age_s: int

    def __str__(self) -> str:
        return (
            f"a transaction of user {self.user} (process {self.pid}, {self.state}) has been open for {self.age_s:,} s"
        )


def oldest_transaction(alias: str) -> OpenTransaction | None:
    """The oldest of those that are open for too long; None where there is none, or the database is no PostgreSQL."""
    connection = connections[alias]
    if connection.vendor != "postgresql":
        return None
    with connection.cursor() as cursor:
        cursor.execute(OLDEST, [LONG_S])
        found = cursor.fetchone()
    return OpenTransaction(*found) if found else None
