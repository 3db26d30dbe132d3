"""Breaking a protocol on purpose: a piece of its text is replaced for as long as a block lasts."""

import contextlib
import inspect
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ardiq_django.brokers.redis import scripts


class DoesNotApply(Exception):
    """The text that a mutant replaces is not there once: the protocol has changed, and the mutant must follow it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One deliberate fault. `where` is `<script>.lua`, or `<module>:<function or Class.method>`."""

    name: str
    where: str
    old: str
    new: str
    broker: str  # that it makes wrong
    suites: tuple[str, ...]  # that may catch it, the quickest first

    @contextmanager
    def applied(self) -> Iterator[None]:
        """For this block; raises `DoesNotApply`."""
        with _script(self) if self.where.endswith(".lua") else _function(self):
            yield

    def changed(self, text: str) -> str:
        if text.count(self.old) != 1:
            raise DoesNotApply(f"{self.name}: {self.old!r} stands {text.count(self.old)} times in {self.where}")
        return text.replace(self.old, self.new)


@contextmanager
def _script(mutant: Mutant) -> Iterator[None]:
    read, name = scripts._read, mutant.where.removesuffix(".lua")
    changed = mutant.changed(read(name))
    with _set(scripts, "_read", lambda one: changed if one == name else read(one)):
        scripts.script.cache_clear()
        try:
            yield
        finally:
            scripts.script.cache_clear()


@contextmanager
def _function(mutant: Mutant) -> Iterator[None]:
    module_name, _, path = mutant.where.partition(":")
    module = import_module(module_name)
    *owners, name = path.split(".")
    owner: Any = module
    for part in owners:
        owner = getattr(owner, part)
    function = inspect.unwrap(owner.__dict__[name])
    source = mutant.changed(textwrap.dedent(inspect.getsource(function)))
    made: dict[str, Callable[..., Any]] = {}
    exec(compile(source, mutant.where, "exec"), module.__dict__, made)  # noqa: S102  # our own text
    with _set(owner, name, made[name]):
        yield


@contextlib.contextmanager
def _set(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = owner.__dict__[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)
