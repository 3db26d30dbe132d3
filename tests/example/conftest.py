"""A small library to index, with one module that does not parse, and a worker for it."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

OWN_SETTINGS = "tests.example.settings"

# the schedules of the example must not fire in the workers of other tests, so it is not installed there
if settings.SETTINGS_MODULE != OWN_SETTINGS:
    collect_ignore_glob = ["test_*.py"]

SOURCES = {
    "shapes.py": "SIDES = 4\n\nclass Square:\n    CORNERS = 4\n\n    def area(self): ...\n\nasync def draw(): ...\n",
    "json/__init__.py": "def dumps(): ...\n\ndef loads(): ...\n",
    "json/tests/test_dumps.py": "def test_dumps(): ...\n",
    "broken.py": "print 'from another time'\n",
}


@pytest.fixture
def library(tmp_path: Path, settings: Any) -> Path:
    """The library that the example indexes now."""
    for path, source in SOURCES.items():
        write(tmp_path, path, source)
    write(tmp_path, "site-packages/django/shortcuts.py", "def render(): ...\n")
    settings.LIBRARY = settings.STANDARD_LIBRARY = tmp_path
    return tmp_path


def write(library: Path, path: str, source: str) -> None:
    (library / path).parent.mkdir(parents=True, exist_ok=True)
    (library / path).write_text(source)


@pytest.fixture
def work(settings: Any) -> Iterator[Callable[[], None]]:
    """Run jobs until none is left."""
    from ardiq_django import app

    app.reconfigure()

    def run() -> None:
        app.burst = True
        asyncio.run(app.run())

    yield run
    app.reconfigure()
