"""Where a fresh interpreter finds a task again: in the module that declares it when it is imported."""

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq
    from ardiq_django.registry import TaskDefinition

MAIN = "__main__"
MAIN_ANEW = "__ardiq_main__"  # not the name that lets a script begin its work
_apps: "WeakSet[Ardiq]" = WeakSet()


def note(app: "Ardiq") -> None:
    """Remember an app, as long as somebody else does."""
    _apps.add(app)


def check_importable(fn: Callable[..., Any], name: str) -> None:
    """Raise `TypeError` for a function that nobody finds by importing its module."""
    place = getattr(fn, "__qualname__", "")
    if not place or "<" in place:
        wrong = f"{place or repr(fn)} is not found by importing {getattr(fn, '__module__', 'its module')}"
    elif fn.__module__ == MAIN and not main_file():
        wrong = f"{place} stands in no file"
    else:
        return
    remedy = "declare a function at the top level of a module"
    raise TypeError(f'task {name!r} is to run with executor="process", which imports it anew, but {wrong}: {remedy}')


def main_file() -> str:
    """The script that this process began with; empty if it began with none."""
    return str(getattr(sys.modules.get(MAIN), "__file__", None) or "")


def find(module: str, main: str, queue: str, task: str) -> "tuple[Ardiq, TaskDefinition]":
    """The app and the definition that importing the module declares, `main` being the file of `__main__`.

    Raises `LookupError` if there are none, and whatever the import raises."""
    if module == MAIN:
        _import_file(main)
    else:
        import_module(module)
    for app in _apps:
        if app.queue_name == queue and (definition := app.registry.tasks.get(task)):
            return app, definition
    place = main if module == MAIN else module
    raise LookupError(
        f"importing {place} declares no task {task!r} of queue {queue!r}: declare it at the top level of the module"
    )


def _import_file(path: str) -> None:
    if MAIN_ANEW in sys.modules:
        return
    spec = spec_from_file_location(MAIN_ANEW, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} cannot be imported")
    sys.modules[MAIN_ANEW] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
