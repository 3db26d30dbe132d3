"""What keeps Django's connections in a worker process few, alive, and free of transactions that nobody ends."""

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from ardiq_django.context import TaskContext, task_here
from ardiq_django.line import field, logger_of

T = TypeVar("T")
logger = logger_of("ardiq.connections")
UNFINISHED = (1, 2, 3)  # what libpq says of a connection in a statement, in a transaction, in one that failed
_thread = threading.local()


def begin() -> None:
    """Called once by a process that does nothing but run jobs, before its event loop begins."""
    for options in connections.settings.values():
        # a kept connection, or one of a pool, is asked before a job uses it whether it is still alive
        options["CONN_HEALTH_CHECKS"] = True
    watch()
    connections.close_all()  # what checks and the loading of code opened in this thread, where no job runs
    close_pools()  # made without the health checks


def watch() -> None:
    """From now on know which threads open connections. Needed before any that is tidied."""
    connection_created.connect(_note, dispatch_uid="ardiq")


def close_pools() -> None:
    """End the pools of this process, if its databases have any."""
    for connection in connections.all():
        close = getattr(connection, "close_pool", None)
        if close and connection.settings_dict["OPTIONS"].get("pool"):
            close()


def tidy(task: TaskContext | None = None) -> bool:
    """What Django does between two requests, for this thread's connections: drop stale ones, forget logged queries.
    A transaction that was left open is rolled back, and named in the log. Returns whether some connection stays."""
    opened: Opened | None = getattr(_thread, "opened", None)
    if opened is None or not opened.to_tidy:
        return False  # Django takes 20 us to find that out
    some_stay = False
    for connection in connections.all(initialized_only=True):
        connection.queries_log.clear()
        if _is_left_in_transaction(connection):
            _drop(connection, task)
        else:
            connection.close_if_unusable_or_obsolete()
            some_stay = some_stay or connection.connection is not None
    opened.to_tidy = some_stay
    return some_stay


def _is_left_in_transaction(connection: BaseDatabaseWrapper) -> bool:
    driver: Any = connection.connection
    if connection.in_atomic_block or driver is None:
        return connection.in_atomic_block
    if connection.vendor == "postgresql":
        return driver.info.transaction_status in UNFINISHED
    if connection.vendor == "sqlite":
        return bool(driver.in_transaction)
    return not connection.get_autocommit()  # the driver does not tell without asking the server


def _drop(connection: BaseDatabaseWrapper, task: TaskContext | None) -> None:
    logger.warning("job left a transaction open %sdatabase=%s: it is rolled back", _who(task), connection.alias)
    connection.close()
    del connections[connection.alias]


def _who(task: TaskContext | None) -> str:
    if task is None:
        return ""
    name, job_id, worker = field(task.name), field(task.task_id), field(task.worker_id)
    return f"id={job_id} task={name} queue={task.queue} worker={worker} attempt={task.tries} "


class TidyExecutor(ThreadPoolExecutor):
    """The threads behind `asyncio.to_thread`. What a call opens there is closed after it: which thread takes the next
    call, and when, nobody knows."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> "Future[T]":
        return super().submit(_closing, task_here(), fn, *args, **kwargs)


def _closing(task: TaskContext | None, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    try:
        return fn(*args, **kwargs)
    finally:
        if tidy(task):
            connections.close_all()


def _note(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if not hasattr(_thread, "opened"):
        _thread.opened = Opened()
    _thread.opened.add(connection)


class Opened:
    """The connections that one thread has opened. It goes with the thread, and closes them: left to themselves they
    stay until the garbage collector comes by, and a pool never has them back."""

    def __init__(self) -> None:
        self.to_tidy = False  # some were opened since the thread was tidied, or are still open
        self._thread_id = threading.get_ident()
        self._connections: list[BaseDatabaseWrapper] = []

    def add(self, connection: BaseDatabaseWrapper) -> None:
        """Remember it, and forget those that are closed."""
        self.to_tidy = True
        self._connections = [one for one in self._connections if one.connection is not None]
        self._connections.append(connection)

    def __del__(self) -> None:
        # when the interpreter ends, threads may be frozen in the middle of a query: hands off
        if threading.get_ident() != self._thread_id:
            return
        for connection in self._connections:
            with contextlib.suppress(Exception):  # the thread is over: there is nobody to tell
                connection.close()
