"""What an app calls beside its tasks: the lifespan of its worker, hooks, middleware and context providers."""

import inspect
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ardiq_django.provider import ContextProvider, check_provider
from ardiq_django.signature import signature_of
from ardiq_django.wire import StagedJob

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

Fn = TypeVar("Fn", bound=Callable[..., Any])
Lifespan = Callable[[], AsyncGenerator[Any, None]]


class ErrorContext(NamedTuple):
    """What an `on_error` hook is told of an attempt that failed: the number of the attempt, from 1, and whether another
    one follows."""

    name: str
    task_id: str
    exc: BaseException
    tries: int
    will_retry: bool


class EnqueueContext:
    """A job about to be stored, as an `on_enqueue` hook sees it. What the hook writes into `headers` and `labels`
    travels with the job: plain data under names that are texts."""

    def __init__(self, app: "Ardiq", job: StagedJob) -> None:
        self.app = app
        self.task_id = job.id
        self.name = job.task
        self.priority = job.lane
        self.headers: dict[str, Any] = dict(job.headers)
        self.labels: dict[str, Any] = dict(job.labels)
        self._job = job

    @property
    def args(self) -> tuple[Any, ...]:
        return tuple(self._call[0])

    @property
    def kwargs(self) -> dict[str, Any]:
        return dict(self._call[1])

    @cached_property
    def _call(self) -> Any:
        return self.app.decode(self._job.call)


class AppState(SimpleNamespace):
    """What a lifespan has made for the tasks of its worker."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"app.state has no {name!r}: what an @app.lifespan yields is there while a worker runs")


@dataclass(slots=True)
class Hooks:
    """What was declared on one app, in the order of its declaration."""

    lifespan: Lifespan | None = None
    error: list[Callable[[ErrorContext], object]] = field(default_factory=list)
    enqueue: list[Callable[[EnqueueContext], object]] = field(default_factory=list)
    middleware: list[Callable[..., Any]] = field(default_factory=list)
    providers: list[ContextProvider] = field(default_factory=list)


class Hooked:
    """The declarations of an app that are no tasks. A worker takes what was declared before it began."""

    hooks: Hooks
    state: Any

    def lifespan(self, fn: Fn) -> Fn:
        """Declare what surrounds each run of a worker: an async generator function without parameters, with one yield.

        What stands before its `yield` runs before the first job, what stands after it once the last has ended, also
        when the worker is cancelled. The items of a mapping that it yields become attributes of `app.state`; any other
        object but None becomes `app.state` itself. An error before the `yield` comes out of `run()`, and no job is
        taken. Raises `TypeError` for anything else, and `ValueError` for a second one.
        """
        if not inspect.isasyncgenfunction(fn):
            raise TypeError(f"{fn!r} is no lifespan: it needs an async generator function, with one yield")
        _called(fn, "lifespan")
        known = self.hooks.lifespan
        # a module that is imported twice declares the very same function again
        if known is not None and getattr(known, "__code__", known) != getattr(fn, "__code__", fn):
            raise ValueError(f"{known!r} is the lifespan of this app already: enter {fn!r} in it")
        self.hooks.lifespan = fn
        return fn

    def on_error(self, fn: Fn) -> Fn:
        """Declare a hook that is told of each attempt that failed, with an `ErrorContext`; sync or async.

        Not of a `Retry` that leads to another attempt, of a `Requeue` or of an abort. The attempt's end is stored after
        its hooks have returned; what goes wrong in one is logged and changes nothing.
        """
        self.hooks.error.append(_called(fn, "on_error", "error"))
        return fn

    def on_enqueue(self, fn: Fn) -> Fn:
        """Declare a hook that sees each job before it is stored, with an `EnqueueContext`, whichever way it is enqueued
        and by schedules too; sync or async. One that raises fails the enqueue, and nothing is stored."""
        self.hooks.enqueue.append(_called(fn, "on_enqueue", "job"))
        return fn

    def middleware(self, fn: Fn) -> Fn:
        """Declare a function `(context, call_next)` around each attempt; the first declared is the outermost.

        An `async def` surrounds every task, on the event loop, and awaits `call_next()`; a plain `def` surrounds sync
        tasks alone, in their thread, inside of all async ones. It returns the result, or raises to fail the attempt.
        """
        self.hooks.middleware.append(_called(fn, "middleware", "context", "call_next"))
        return fn

    def add_context(self, provider: ContextProvider) -> None:
        """Have each job take something along from where it is enqueued; see `ContextProvider`."""
        check_provider("add_context", provider)
        self.hooks.providers.append(provider)


def _called(fn: Fn, what: str, *given: str) -> Fn:
    """The function, which must be one that can be called with what it will be given."""
    if not callable(fn):
        raise TypeError(f"{fn!r} is no {what}: give a function")
    try:
        signature_of(fn).bind(*given)
    except TypeError:
        raise TypeError(f"{fn!r} is no {what}: it will be called with ({', '.join(given)})") from None
    return fn
