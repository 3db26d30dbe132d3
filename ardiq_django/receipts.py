"""`once()`: effects in a Django database that happen once, proven by a receipt in the same transaction."""

import asyncio
import contextlib
import hashlib
import time
from collections.abc import Iterable
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, Error, connections, router, transaction

from ardiq_django.config import AppOptions
from ardiq_django.context import TaskContext, task_here
from ardiq_django.exceptions import ConfigError, SyncContextError
from ardiq_django.outcome import storable
from ardiq_django.validation import check_wait
from ardiq_django.wire import pack

AT_ONCE = 500
FIRST_AFTER_S = 60.0
EVERY_S = 600.0


def once(
    key: str | None = None, *, step: str = "", using: str = DEFAULT_DB_ALIAS, ttl_ms: int | None = None
) -> AbstractContextManager[bool]:
    """`with once() as is_first:` opens a transaction in that database, and tells whether nobody has committed one for
    the same receipt before. What is done there `if is_first` is committed once, together with its receipt.

    Inside a task the receipt is that of this run of the job, and of this `step` of it: it stands for all attempts, and
    for a replay of the job; a new run under the same id is another. With a `key` it is that of the key, wherever it is
    used, in a task or not. Of two that overlap the second waits until the first has ended, and then knows.

    The block must not run on an event loop: put it into a function, and await `sync_to_async(function)()`. The receipt
    is kept for `ttl_ms`, by default as the queue's `receipt_ttl_ms` says."""
    task = task_here()
    parts = _parts(task, key, step)
    if ttl_ms is None:
        ttl_ms = (task.app.options if task else AppOptions()).receipts_kept_ms
    check_wait("ttl_ms", ttl_ms)
    return _Once(parts, using, ttl_ms)


def _parts(task: TaskContext | None, key: str | None, step: str) -> tuple[str, ...]:
    """What a receipt is made of."""
    if key is not None:
        if not isinstance(key, str) or not key or step:
            raise ConfigError(f"once({key!r}, step={step!r}): give a text as key, and a step only without one")
        return ("key", key)
    if task is None:
        raise LookupError("once() is for a running task, and none runs here: give it a key, once('order-17-charged')")
    job = task.delivery.job
    return ("run", task.queue, job.id, job.identity, step)


class _Once(AbstractContextManager[bool]):
    """A transaction that begins with its receipt."""

    def __init__(self, parts: tuple[str, ...], alias: str, ttl_ms: int) -> None:
        self._digest = hashlib.sha256(pack([part.encode(errors="surrogatepass") for part in parts])).hexdigest()
        self._title = storable(" ".join(parts[1:]))
        self._alias = alias
        self._ttl_ms = ttl_ms

    def __enter__(self) -> bool:
        if asyncio._get_running_loop() is not None:
            raise SyncContextError(
                "once() would block the event loop: put its block into a function, and await sync_to_async(function)()"
            )
        with ExitStack() as stack:
            stack.enter_context(transaction.atomic(using=self._alias))
            is_first = self._write()
            self._transaction = stack.pop_all()
        return is_first

    def _write(self) -> bool:
        from ardiq_django.models import Receipt  # can be imported only once Django is ready

        try:
            return Receipt.objects.using(self._alias).write(self._digest, self._title, self._ttl_ms)
        except Error as error:
            if "ardiq_receipt" in str(error):
                error.add_note(f"once() needs its table: run `manage.py migrate --database={self._alias}`")
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._transaction.__exit__(kind, error, trace)


class ReceiptUpkeep:
    """Removes the receipts of a process's databases whose time is over, every ten minutes, beginning after one."""

    def __init__(self) -> None:
        self._due_s = time.monotonic() + FIRST_AFTER_S

    async def tick(self) -> None:
        """Called every few seconds."""
        now_s = time.monotonic()
        if now_s >= self._due_s:
            self._due_s = now_s + EVERY_S
            await asyncio.to_thread(purge_receipts, list(connections))


def purge_receipts(aliases: Iterable[str]) -> None:
    """Remove from these databases, where there is such a table, receipts whose time is over, in small transactions."""
    from ardiq_django.models import Receipt

    for alias in aliases:
        if router.allow_migrate_model(alias, Receipt):
            # of a database that cannot be reached or written, its own users will hear
            with contextlib.suppress(Error, ImproperlyConfigured):
                _purge(alias, Receipt)


def _purge(alias: str, receipts: Any) -> None:
    connection = connections[alias]
    try:
        if receipts._meta.db_table in connection.introspection.table_names():
            while receipts.objects.using(alias).purge(AT_ONCE) == AT_ONCE:
                pass
    finally:
        connection.close()
