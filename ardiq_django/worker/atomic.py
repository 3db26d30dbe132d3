"""Atomic tasks: what a body did and the end of its job are committed together, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ardiq_django.brokers.completion import Completion, check_atomic
from ardiq_django.exceptions import ConfigError
from ardiq_django.registry import is_async
from ardiq_django.wire import Outcome, Succeeded
from ardiq_django.worker.run import Cut, Run

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq


def check_app(app: "Ardiq") -> None:
    """Raise `ConfigError` for an app whose atomic tasks cannot be what they are declared to be."""
    tasks = [task for task in app.registry.tasks.values() if task.options.atomic]
    for task in tasks:
        check_atomic(app.address, task.name, task.options.atomic)
        if any(map(is_async, app.hooks.middleware)):
            raise ConfigError(
                f"task {task.name!r} is atomic, but async middleware goes on after its commit: make the middleware "
                "def, which runs inside of the transaction, or use once() in the body"
            )


@dataclass(frozen=True, slots=True)
class Committed:
    """A success that its own transaction has settled: nothing about it is to be told to the broker."""

    success: Succeeded


class _RolledBack(Exception):
    """Nothing of this transaction may stay."""


def in_one_transaction(run: Run, completion: Completion, attempt: Callable[[], Outcome]) -> Outcome | Committed | None:
    """Make an attempt in the transaction, and end its job there if it succeeds.

    Whatever else comes of it is rolled back: an error, which is raised; another outcome; None where the attempt was cut
    off, or is stale."""
    outcome: Outcome | None = None
    try:
        with completion:
            outcome = attempt()
            if not isinstance(outcome, Succeeded) or not _is_written(run, completion, outcome):
                raise _RolledBack
    except _RolledBack:
        return None if run.cut_short else outcome
    except BaseException as error:
        if not completion.is_committed:
            raise
        run.error_after = error
    assert isinstance(outcome, Succeeded)  # noqa: S101 (else it would have been rolled back)
    return Committed(outcome)


def _is_written(run: Run, completion: Completion, success: Succeeded) -> bool:
    # from here on no cut is heard: what the broker says of this job may be what we are about to write
    run.is_completing = True
    if run.cut_short:
        return False
    if completion.write(success):
        return True
    run.is_stale, run.cut = True, Cut.LOST
    return False
