"""Effects and the end of their job in one transaction: what a broker gives the workers of `atomic` tasks."""

from abc import abstractmethod
from contextlib import AbstractContextManager
from typing import Self

from ardiq_django.exceptions import ConfigError
from ardiq_django.wire import Succeeded

DEFAULT = "default"  # the database of `atomic=True`, as of Django's `transaction.atomic()`


class Completion(AbstractContextManager["Completion"]):
    """A transaction of the calling thread, in the database that keeps the jobs, around a body and the end of its job.

    It is committed if the block ends well, and rolled back if it raises."""

    is_committed = False  # true in the moment of the commit, before anything that waits for it is called

    def __enter__(self) -> Self:
        return self

    @abstractmethod
    def write(self, success: Succeeded) -> bool:
        """Write how the job ended; the last that is said in this transaction. False if the claim is not this epoch's
        any more: nothing was written then, and the block has to raise."""


def check_atomic(address: str, task: str, atomic: bool | str) -> None:
    """Raise `ConfigError` unless the database of this task's effects is the one that keeps its jobs."""
    wanted = DEFAULT if atomic is True else atomic
    scheme, _, kept = address.partition("://")
    remedy = "use once() in the body, with any broker"
    if scheme != "database":
        raise ConfigError(f"task {task!r} is atomic, but its jobs are kept by {scheme}:// and no database: {remedy}")
    kept = kept.strip("/") or DEFAULT
    if kept != wanted:
        raise ConfigError(
            f"task {task!r} is atomic in the database {wanted!r}, but its jobs are kept in {kept!r}: {remedy}, "
            f"or declare atomic={kept!r} if its effects are there"
        )
