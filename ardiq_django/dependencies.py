"""Dependency injection: a parameter whose default is `Depends(get_client)` has its value made when the job runs.

The markers are those of taskiq (the extra `dependencies`), so functions written for it work as they are. Values are
made and let go of here: one dependency that fails to close keeps no other from being closed, none can hide the error of
the job, and overrides reach every place.
"""

import asyncio
import contextlib
import inspect
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, TypeVar, get_args, get_origin

from ardiq_django import bridge
from ardiq_django.context import TaskContext, current_task
from ardiq_django.exceptions import ConfigError
from ardiq_django.signature import signature_of

try:
    from taskiq_dependencies.dependency import Dependency
except ImportError as error:
    raise ImportError(
        "dependencies are injected by the help of taskiq-dependencies, which is not installed:"
        " pip install 'ardiq-django[dependencies]'"
    ) from error

Source = Callable[..., Any]
Wait = Callable[[Coroutine[Any, Any, Any]], Coroutine[Any, Any, Any]]
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def Depends(
    dependency: Source | None = None, *, use_cache: bool = True, kwargs: Mapping[str, Any] | None = None
) -> Any:
    """The default of a parameter that is made when the job runs: by a function, a coroutine function, a generator, an
    async generator, a context manager or a class; without one, by the parameter's own type.

    It is made once an attempt wherever it is asked for, or, with `use_cache=False`, for this place alone; `kwargs` are
    given to it. `TaskContext`, `Ardiq` and the type of `app.state` need not be made: they are there."""
    return Dependency(dependency, use_cache=use_cache, kwargs=dict(kwargs or {}))


@dataclass(frozen=True, slots=True)
class Need:
    """One parameter, and what makes its value; a fresh one is made for this place alone."""

    name: str
    source: Source
    fresh: bool
    given: Mapping[str, Any]


class Injection:
    """A task's function with parameters that are injected.

    A caller need not give them, and may, by keyword: what a call gives is not made. `body` runs the function in a
    worker; the dependencies are closed after it, last made first, also when it failed or was cut off, and see its
    error. What they raise while closing fails an attempt that had succeeded; one that had failed has it as a note.
    """

    def __init__(self, fn: Source, names: frozenset[str], *, is_async: bool) -> None:
        self._fn = fn
        self._names = names
        self._is_async = is_async
        self.body: Source = self._run if is_async else self._run_in_thread

    def without(self, signature: inspect.Signature) -> inspect.Signature:
        """What a caller sees: the injected parameters are optional, and keywords."""
        parameters = list(signature.parameters.values())
        own = [one for one in parameters if one.name not in self._names]
        keywords = [one.replace(kind=one.KEYWORD_ONLY, default=None) for one in parameters if one.name in self._names]
        rest = [own.pop()] if own and own[-1].kind is inspect.Parameter.VAR_KEYWORD else []
        return signature.replace(parameters=[*own, *keywords, *rest])

    def refuse_left_out(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        """Raise `TypeError` for a call in place, where nothing is injected, that leaves a parameter to us."""
        given = signature_of(self._fn).bind_partial(*args, **kwargs).arguments
        missing = sorted(self._names - given.keys())
        if missing:
            raise TypeError(
                f"{self._fn.__qualname__} was called in place, where nothing is injected: give "
                + ", ".join(f"{name}=…" for name in missing)
            )

    async def _run(self, *args: Any, **kwargs: Any) -> Any:
        return await self._call(args, kwargs, _here)

    def _run_in_thread(self, *args: Any, **kwargs: Any) -> Any:
        return bridge.run_in_place(self._call(args, kwargs, _on_the_loop))

    async def _call(self, args: tuple[Any, ...], kwargs: dict[str, Any], wait: Wait) -> Any:
        making = Making(current_task(), wait)
        try:
            for need in needs_of(self._fn):
                if need.name not in kwargs:
                    kwargs[need.name] = await making.value_of(need)
            value = self._fn(*args, **kwargs)
            if self._is_async:
                value = await value
        except BaseException as error:
            await making.close(error)
            raise
        await making.close(None)
        return value


class Making:
    """The values made for one attempt, and what of them is to be closed."""

    def __init__(self, context: TaskContext, wait: Wait) -> None:
        app = context.app
        self._wait = wait
        self._overrides = app.dependency_overrides
        self._made: dict[Any, list[tuple[Mapping[str, Any], Any]]] = {
            type(known): [({}, known)] for known in (app.state, app, context)
        }
        self._opened: list[Any] = []

    async def value_of(self, need: Need, path: tuple[Source, ...] = ()) -> Any:
        """The value of a parameter; made once an attempt for each source, unless it is to be fresh."""
        source = self._overrides.get(need.source, need.source)
        if not need.fresh:
            for given, value in self._made.get(source, ()):
                if given == need.given:
                    return value
        if source in path:
            raise ConfigError(f"dependency {_name(source)} depends on itself: {' → '.join(map(_name, path))}")
        value = await self._make(source, need.given, (*path, source))
        if not need.fresh:
            self._made.setdefault(source, []).append((need.given, value))
        return value

    async def _make(self, source: Source, given: Mapping[str, Any], path: tuple[Source, ...]) -> Any:
        values = dict(given)
        for need in needs_of(source):
            if need.name not in values:
                values[need.name] = await self.value_of(need, path)
        return await self._enter(source(**values))

    async def _enter(self, made: Any) -> Any:
        if inspect.iscoroutine(made):
            return await self._wait(made)
        manager = _manager(made)
        match manager:
            case contextlib._GeneratorContextManager():
                value = manager.__enter__()
            case contextlib._AsyncGeneratorContextManager():
                value = await self._wait(manager.__aenter__())
            case _:
                return made
        self._opened.append(manager)
        return value

    async def close(self, error: BaseException | None) -> None:
        """Close all, last made first; raises what they raise only where there is no `error` yet."""
        trouble: BaseException | None = None
        while self._opened:
            manager, cause = self._opened.pop(), error or trouble
            try:
                await self._leave(manager, cause)
            except BaseException as found:
                if cause:
                    cause.add_note(f"and closing dependency {manager.gen.__qualname__} raised {found!r}")
                else:
                    trouble = found
        if trouble:
            raise trouble

    async def _leave(self, manager: Any, error: BaseException | None) -> None:
        # the answer, whether the error is to be swallowed, is not heeded: an attempt that failed has failed
        how = (type(error), error, error.__traceback__) if error else (None, None, None)
        if isinstance(manager, contextlib._AsyncGeneratorContextManager):
            await self._wait(manager.__aexit__(*how))
        else:
            manager.__exit__(*how)


def injection_of(fn: Source, *, is_async: bool) -> Injection | None:
    """What is to be injected into a function; None for nothing. Raises `ConfigError` for what never could be."""
    parameters = _parameters(fn)
    names = frozenset(one.name for one in parameters if _marker(one))
    if not names:
        return None
    behind = [one.name for one in parameters if one.kind in _POSITIONAL or one.kind is one.VAR_POSITIONAL]
    first = next((place for place, name in enumerate(behind) if name in names), len(behind))
    if not names.issuperset(behind[first:]):
        raise ConfigError(f"{_name(fn)}: parameters with Depends stand after the others, or behind a *")
    for one in parameters:
        if one.name in names and one.kind is one.POSITIONAL_ONLY:
            raise ConfigError(f"{_name(fn)}: {one.name} cannot be injected, since it takes no keyword")
    return Injection(fn, names, is_async=is_async)


@lru_cache(maxsize=4096)
def needs_of(source: Source) -> tuple[Need, ...]:
    """What a callable's parameters depend on. Raises `ConfigError` for one that says neither source nor type."""
    origin = get_origin(source) or source
    types = dict(zip(getattr(origin, "__parameters__", ()), get_args(source), strict=False))
    return tuple(_need(one, marker, types, origin) for one in _parameters(origin) if (marker := _marker(one)))


def _need(parameter: inspect.Parameter, marker: Dependency, types: Mapping[Any, Any], owner: Source) -> Need:
    wanted: Any = marker.dependency or parameter.annotation
    if get_origin(wanted) is Annotated:
        wanted = get_args(wanted)[0]
    if isinstance(wanted, TypeVar):
        wanted = types.get(wanted, wanted)
    if not callable(wanted) or wanted is parameter.empty or isinstance(wanted, TypeVar):
        raise ConfigError(f"{_name(owner)}: what is {parameter.name!r} to be? Give Depends(…) a function or a class")
    return Need(parameter.name, wanted, not marker.use_cache, marker.kwargs)


def _parameters(fn: Source) -> list[inspect.Parameter]:
    try:
        return list(inspect.signature(fn, eval_str=True).parameters.values())
    except ValueError:  # some builtins tell nothing
        return []
    except Exception as error:
        plain = list(signature_of(fn).parameters.values())
        hidden = [one.name for one in plain if "Depends" in str(one.annotation)]
        if hidden:
            raise ConfigError(f"{_name(fn)}: the annotation of {hidden[0]!r} cannot be read: {error}") from error
        return plain


def _marker(parameter: inspect.Parameter) -> Dependency | None:
    said = (parameter.default, *reversed(getattr(parameter.annotation, "__metadata__", ())))
    return next((one for one in said if isinstance(one, Dependency)), None)


def _manager(made: Any) -> Any:
    if inspect.isgenerator(made):
        return contextlib.contextmanager(lambda: made)()
    if inspect.isasyncgen(made):
        return contextlib.asynccontextmanager(lambda: made)()
    return made


async def _here(coroutine: Coroutine[Any, Any, Any]) -> Any:
    return await coroutine


async def _on_the_loop(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """For a thread, which blocks: what the app keeps for its coroutines belongs to the worker's loop."""
    loop = current_task().app.loop
    if loop is None:
        return bridge.run(coroutine)
    return asyncio.run_coroutine_threadsafe(coroutine, loop).result()


def _name(source: Any) -> str:
    return str(getattr(source, "__qualname__", None) or repr(source))
