"""The apps of the queues that the settings declare: one object each, for the whole process."""

import threading
from collections.abc import Callable
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, Unpack, overload

from ardiq_django.ardiq import Ardiq
from ardiq_django.context import TaskContext
from ardiq_django.exceptions import ConfigError
from ardiq_django.handles import Task
from ardiq_django.keywords import TaskKeywords
from ardiq_django.surroundings import around

P = ParamSpec("P")
R = TypeVar("R")
_apps: dict[str, Ardiq] = {}
_lock = threading.Lock()


def get_app(queue: str = "default") -> Ardiq:
    """The app of a queue that the settings declare; always the same object. Raises `ConfigError` for any other."""
    with _lock:
        if queue not in _apps or queue not in around().declared_queues():  # settings change while tests run
            try:
                around().app_options(queue)
            except LookupError as error:
                raise ConfigError(str(error)) from error
            _apps.setdefault(queue, Ardiq.declared(queue))
        return _apps[queue]


def apps_in_use() -> list[Ardiq]:
    """The apps of declared queues that somebody has asked for."""
    return list(_apps.values())


def declared_apps() -> list[Ardiq]:
    """The apps of all declared queues."""
    return [get_app(queue) for queue in around().declared_queues()]


@overload
def task(fn: Callable[P, R]) -> Task[P, R]: ...


@overload
def task(
    fn: None = None, *, queue: str = "default", takes_context: Literal[True], **options: Unpack[TaskKeywords]
) -> Callable[[Callable[Concatenate[TaskContext, P], R]], Task[P, R]]: ...


@overload
def task(
    fn: None = None, *, queue: str = "default", takes_context: Literal[False] = False, **options: Unpack[TaskKeywords]
) -> Callable[[Callable[P, R]], Task[P, R]]: ...


def task(fn: Any = None, *, queue: str = "default", **options: Any) -> Any:
    """Declare a task on the app of a declared queue: `@task`, `@task(queue="mail", max_retries=5)`."""
    return get_app(queue).task(fn, **options)
