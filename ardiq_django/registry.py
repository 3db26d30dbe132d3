"""The tasks an app knows: their functions, signatures and options."""

import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ardiq_django import origin
from ardiq_django.config import AppOptions, TaskOptions
from ardiq_django.exceptions import ConfigError
from ardiq_django.schedule import Misfire, Timetable, timetable
from ardiq_django.signature import signature_of
from ardiq_django.validation import check_flag, check_title, known_keywords

if TYPE_CHECKING:
    from ardiq_django.dependencies import Injection

ACT = "ardiq.act"  # the admin's own task, of `operating.act`; nobody else's
_ORDINARY = inspect.Parameter.POSITIONAL_OR_KEYWORD


@dataclass(frozen=True, slots=True)
class TaskDefinition:
    """A declared function, checked once when it was declared."""

    name: str
    fn: Callable[..., Any]
    options: TaskOptions
    signature: inspect.Signature
    is_async: bool
    arity: range  # how many positional arguments alone make a valid call
    injection: "Injection | None" = None

    @property
    def in_process(self) -> bool:
        """Whether its body runs in a process of its own."""
        return self.options.executor == "process"

    @property
    def body(self) -> Callable[..., Any]:
        """What a worker calls: the function, with what is injected."""
        return self.injection.body if self.injection else self.fn

    def check(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Raise `TypeError` for a call the function would refuse."""
        if kwargs or len(args) not in self.arity:
            self.bind(args, kwargs)

    def bind(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> inspect.BoundArguments:
        """The call bound to the function's signature; raises `TypeError` naming the task."""
        try:
            return self.signature.bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(f"{self.name}{self.signature} cannot be called so: {error}") from None


@dataclass(frozen=True, slots=True)
class CronDefinition:
    """A schedule declared in code, and the task it fires."""

    task: TaskDefinition
    table: Timetable
    misfire: Misfire
    coalesce: bool = False


class Registry:
    """Names are unique within one queue: two tasks under one name would run each other's jobs."""

    def __init__(self) -> None:
        self.tasks: dict[str, TaskDefinition] = {}
        self.crons: dict[str, CronDefinition] = {}

    def add(self, fn: Callable[..., Any], given: dict[str, Any], app: AppOptions) -> TaskDefinition:
        """Declare a task; raises `TypeError` or `ValueError` for anything wrong, and then nothing is declared."""
        known_keywords(TaskOptions, given, "a task")
        options = TaskOptions(**given)
        if options.priority is not None:
            app.check_lane(options.priority)
        name = options.name or default_name(fn, app.task_names)
        check_title("name", name)
        if name == ACT and getattr(fn, "__module__", "") != "ardiq_django.operating.act":
            raise ValueError(f"task name {name!r} is kept for the admin's own task; {_place(fn)} needs another one")
        self._refuse_second(name, fn)
        if options.executor == "process":
            _check_process(fn, name)
        if options.atomic and is_async(fn):
            raise ConfigError(
                f"task {name!r} is a coroutine function, but atomic is for def: make it one, or use once()"
            )
        signature = signature_of(fn)
        if options.takes_context:
            signature = _without_context(signature, name)
        injection = _injection(fn)
        if injection:
            signature = injection.without(signature)
        definition = TaskDefinition(name, fn, options, signature, is_async(fn), _arity(signature), injection)
        self.tasks[name] = definition
        return definition

    def add_cron(
        self,
        fn: Callable[..., Any],
        given: dict[str, Any],
        app: AppOptions,
        *,
        spec: str | None,
        every: timedelta | float | None,
        timezone: str,
        misfire: str,
        coalesce: bool = False,
    ) -> TaskDefinition:
        """Declare a task and its schedule; the function must be callable without arguments."""
        if misfire not in list(Misfire):
            raise ConfigError(f"misfire={misfire!r}: give one of {', '.join(map(repr, map(str, Misfire)))}")
        check_flag("coalesce", coalesce)
        table = timetable(spec, every, timezone)
        definition = self.add(fn, given, app)
        try:
            definition.bind((), {})
        except TypeError:
            del self.tasks[definition.name]
            raise
        self.crons[definition.name] = CronDefinition(definition, table, Misfire(misfire), coalesce)
        return definition

    def _refuse_second(self, name: str, fn: Callable[..., Any]) -> None:
        known = self.tasks.get(name)
        # a module that is imported twice (autoreload, a doctest) declares the very same function again
        if known is None or getattr(known.fn, "__code__", known) == getattr(fn, "__code__", fn):
            return
        raise ValueError(
            f"task {name!r} is already registered by {_place(known.fn)}; {_place(fn)} needs another one: name=…"
        )


def default_name(fn: Callable[..., Any], style: str) -> str:
    """`module.qualname` or the bare `__name__`, as the app's `task_names` says."""
    bare = getattr(fn, "__name__", None)
    if bare is None:
        raise TypeError(f"{fn!r} has no __name__: give the task a name=…")
    return f"{fn.__module__}.{fn.__qualname__}" if style == "module" else bare


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling `fn` makes a coroutine."""
    return inspect.iscoroutinefunction(fn) or inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004


def _injection(fn: Callable[..., Any]) -> "Injection | None":
    # nobody can have marked a parameter before the library of the markers was imported
    if "taskiq_dependencies" not in sys.modules:
        return None
    from ardiq_django.dependencies import injection_of

    return injection_of(fn, is_async=is_async(fn))


def _check_process(fn: Callable[..., Any], name: str) -> None:
    if is_async(fn):
        raise TypeError(f'task {name!r} is a coroutine function, which runs on the loop: executor="process" is for def')
    origin.check_importable(fn, name)


def _without_context(signature: inspect.Signature, name: str) -> inspect.Signature:
    parameters = list(signature.parameters.values())
    if not parameters or parameters[0].kind not in (inspect.Parameter.POSITIONAL_ONLY, _ORDINARY):
        raise ConfigError(f"task {name}{signature}: with takes_context=True its first parameter is the context")
    return signature.replace(parameters=parameters[1:])


def _arity(signature: inspect.Signature) -> range:
    parameters = signature.parameters.values()
    positional = [one for one in parameters if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)]
    if len(positional) < len(parameters):
        return range(0)
    required = sum(one.default is one.empty for one in positional)
    return range(required, len(positional) + 1)


def _place(fn: Callable[..., Any]) -> str:
    return f"{getattr(fn, '__module__', '?')}.{getattr(fn, '__qualname__', repr(fn))}"
