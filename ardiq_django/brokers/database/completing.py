"""The transaction around the body of an atomic task, on the connection that the body uses."""

from contextlib import ExitStack
from types import TracebackType
from typing import Self

from django.db import transaction

from ardiq_django.brokers.completion import Completion
from ardiq_django.brokers.database.settling import complete
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.wire import Succeeded


class DatabaseCompletion(Completion):
    """Django's own transaction, which ends with the job's row."""

    def __init__(self, tables: Tables, epoch: str, worker_id: str) -> None:
        self._tables = tables
        self._epoch = epoch
        self._worker_id = worker_id

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(transaction.atomic(using=self._tables.alias, durable=True))
            # the first of all that wait for the commit: one of the body's may raise, or never return
            transaction.on_commit(self._note, using=self._tables.alias)
            self._transaction = stack.pop_all()
        return self

    def _note(self) -> None:
        self.is_committed = True

    def write(self, success: Succeeded) -> bool:
        return complete(self._tables, self._epoch, self._worker_id, success)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        return self._transaction.__exit__(kind, error, trace)
