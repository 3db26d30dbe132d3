"""What travels with a job beside its arguments: taken where it is enqueued, in force again where it runs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from ardiq_django.exceptions import ConfigError


@dataclass(frozen=True, slots=True)
class ContextProvider:
    """One thing that a job takes along, in its header `name`.

    `capture()` is called for each enqueue, in the caller's thread and context, and returns plain data, or None for
    nothing. `restore(value)` is called before each attempt, if there is a value, and returns the context manager that
    is open while the attempt runs; what it raises fails the attempt. Any object with these three will do.
    """

    name: str
    capture: Callable[[], Any]
    restore: Callable[[Any], AbstractContextManager[object]]


def check_provider(option: str, value: Any) -> None:
    """A context provider, or something that looks like one."""
    has_name = isinstance(getattr(value, "name", None), str) and value.name
    if not has_name or not all(callable(getattr(value, verb, None)) for verb in ("capture", "restore")):
        raise ConfigError(f"{option}={value!r}: a context provider has a name, capture() and restore(value)")
