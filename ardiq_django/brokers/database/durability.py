"""What a crash of the database may lose, read from its own settings."""

from typing import Any

from django.db import connections

from ardiq_django.brokers.database.tables import Tables
from ardiq_django.brokers.durability import Durability
from ardiq_django.models.dialects import dialect

SQLITE_SYNC = {0: "OFF", 1: "NORMAL", 2: "FULL", 3: "EXTRA"}
SQLITE = "SELECT * FROM pragma_journal_mode, pragma_synchronous"
POSTGRES = "SELECT name, setting FROM pg_settings WHERE name = ANY(%s)"
MYSQL = "SHOW VARIABLES LIKE 'innodb_flush_log_at_trx_commit'"
ON_DISK = "what was accepted is on disk"


def durability(tables: Tables) -> Durability:
    connection: Any = connections[tables.alias]
    talk = dialect(connection)
    match connection.vendor:
        case "sqlite" if connection.is_in_memory_db():
            return Durability("SQLite in memory: everything is lost when the process ends", "keep the jobs in a file")
        case "sqlite":
            ((journal, synchronous),) = talk.rows(SQLITE, ())
            return of_sqlite(journal.lower(), SQLITE_SYNC.get(synchronous, str(synchronous)))
        case "postgresql":
            asked = ["synchronous_commit", "fsync", "full_page_writes", "synchronous_standby_names"]
            return of_postgresql(**dict(talk.rows(POSTGRES, (asked,))))
        case _:
            name = "MariaDB" if connection.mysql_is_mariadb else "MySQL"
            ((_, flush),) = talk.rows(MYSQL, ())
            return of_mysql(name, str(flush))


def of_sqlite(journal: str, synchronous: str) -> Durability:
    said = f"SQLite, journal_mode={journal.upper()}, synchronous={synchronous}"
    if journal in ("memory", "off") or synchronous == "OFF":
        lost = "a power failure may damage the file, a crash of the process may lose its last commits"
        return Durability(f"{said}: {lost}", 'set OPTIONS["init_command"] to "PRAGMA journal_mode=WAL"')
    if journal == "wal" and synchronous == "NORMAL":
        return Durability(f"{said}: a power failure may lose the last commits, a crash of a process loses nothing")
    return Durability(f"{said}: {ON_DISK}")


def of_postgresql(
    synchronous_commit: str, fsync: str, full_page_writes: str, synchronous_standby_names: str
) -> Durability:
    said = f"PostgreSQL, synchronous_commit={synchronous_commit}, fsync={fsync}"
    if fsync == "off":
        return Durability(f"{said}: a crash of the machine may damage everything", "set fsync = on")
    if full_page_writes == "off":
        said += ", full_page_writes=off"
        return Durability(f"{said}: a crash of the machine may damage everything", "set full_page_writes = on")
    if synchronous_commit == "off":
        lost = "a crash of the server may lose the commits of the last moments (about 0.6 s)"
        return Durability(f"{said}: {lost}", "set synchronous_commit = on, for this database or its user")
    is_beyond = synchronous_standby_names and synchronous_commit != "local"
    failover = "a standby has received it, too" if is_beyond else "a failover loses what the standby had not received"
    return Durability(f"{said}: {ON_DISK}; {failover}")


def of_mysql(name: str, flush: str) -> Durability:
    said = f"{name}, innodb_flush_log_at_trx_commit={flush}"
    if flush in ("0", "2"):
        what = "the server" if flush == "0" else "the machine"
        lost = f"a crash of {what} may lose the commits of the last second"
        return Durability(f"{said}: {lost}", "set innodb_flush_log_at_trx_commit = 1")
    return Durability(f"{said}: {ON_DISK}; a failover loses what the replica had not received")
