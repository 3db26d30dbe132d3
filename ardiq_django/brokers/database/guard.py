"""What stands between a verb and the database: trouble that passes is waited out, any other is told in one sentence."""

import random
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Any, TypeVar

from django.db import Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ardiq_django.exceptions import BrokerError

T = TypeVar("T")
PATIENCE_S = 3.0  # for locks, deadlocks and serialization failures
SHORTEST_PAUSE_S, LONGEST_PAUSE_S = 0.002, 0.1
BUSY_STATES = {"40001", "40P01", "55P03"}  # PostgreSQL: serialization, deadlock, lock not available
BUSY_NUMBERS = {1205, 1213}  # MySQL: lock wait timeout, deadlock
# MySQL: gone away, lost in the middle, killed, idle for too long, shutting down, and PyMySQL's own for closed. A driver
# that connects anew by itself when it is asked whether it is usable would bring a session without Django's settings.
LOST_NUMBERS = {2006, 2013, 1927, 4031, 1053, 0}
# A server that only reads has become a standby: a new connection may lead to the one that took over.
READ_ONLY_STATES = {"25006"}
READ_ONLY_NUMBERS = {1290, 1836}
BUSY_CODES = {5, 6}  # SQLite: BUSY, LOCKED
MISSING_STATES = {"42P01", "42703"}
MISSING_NUMBERS = {1146, 1054}
POOLED_STATES = {"26000", "42P05"}  # PostgreSQL: a prepared statement is not where it was, or was there before
MISSING_WORDS = ("no such table", "no such column", "has no column named")


class Trouble(Enum):
    """What kind of trouble the database is in."""

    BUSY = auto()  # somebody else was quicker: the same again may go through
    LOST = auto()  # the connection is gone
    MISSING = auto()  # our tables are not there
    POOLED = auto()  # a pooler gives each transaction another connection
    OTHER = auto()


def guarded(alias: str, verb: Callable[[], T]) -> T:
    """Run a verb, which is one transaction and may be run again, in this thread.

    Raises `BrokerError` when the database cannot do it. In a transaction of the caller's nothing is tried twice:
    what went wrong there is the caller's to roll back.
    """
    deadline, pause_s, was_lost = time.monotonic() + PATIENCE_S, SHORTEST_PAUSE_S, False
    while True:
        connection = connections[alias]
        before = connection.connection
        try:
            return verb()
        except Error as error:
            trouble = _trouble(connection, before, error)
            passes = trouble is Trouble.BUSY or (trouble is Trouble.LOST and not was_lost)
            if connection.in_atomic_block or not passes or time.monotonic() > deadline:
                raise _explained(alias, trouble, error) from error
        was_lost = was_lost or trouble is Trouble.LOST
        time.sleep(random.uniform(pause_s / 2, pause_s))  # noqa: S311
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)


def _trouble(connection: BaseDatabaseWrapper, before: Any, error: Error) -> Trouble:
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    number = error.args[0] if connection.vendor == "mysql" and error.args else None
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    if state in BUSY_STATES or number in BUSY_NUMBERS or code in BUSY_CODES:
        return Trouble.BUSY
    if state in MISSING_STATES or number in MISSING_NUMBERS or any(words in str(error) for words in MISSING_WORDS):
        return Trouble.MISSING
    if state in POOLED_STATES:
        return Trouble.POOLED
    leads_astray = number in LOST_NUMBERS or number in READ_ONLY_NUMBERS or state in READ_ONLY_STATES
    return Trouble.LOST if before is not None and _is_lost(connection, before, leads_astray) else Trouble.OTHER


def _is_lost(connection: BaseDatabaseWrapper, before: Any, leads_astray: bool) -> bool:
    """Whether the connection that was open before is of no use any more; it is closed then."""
    if connection.in_atomic_block:
        return False
    if connection.connection is before and (leads_astray or not connection.is_usable()):
        connection.close()
    return connection.connection is not before  # the end of an atomic block may have opened another


def _explained(alias: str, trouble: Trouble, error: Error) -> BrokerError:
    if trouble is Trouble.MISSING:
        return BrokerError(
            f"the database {alias!r} lacks the tables of the task queue, or has those of another version: "
            f"run `manage.py migrate --database={alias}` ({error})"
        )
    if trouble is Trouble.POOLED:
        return BrokerError(
            f"the database {alias!r} is behind a pooler of transactions: set `DISABLE_SERVER_SIDE_CURSORS` to True in "
            f"its DATABASES entry, so that the task queue prepares no statements ({str(error).strip()})"
        )
    return BrokerError(f"the database {alias!r} cannot be used by the task queue: {str(error).strip()}")
