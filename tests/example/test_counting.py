"""The direct count, and whether the tables agree with it."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from symbols.counting import compare
from symbols.models import Run, Symbol
from symbols.tasks import index_module

pytestmark = pytest.mark.django_db


@pytest.fixture
def indexed(library: Path) -> Path:
    """A library that is indexed, all of it."""
    run = Run.objects.create()
    for path in ("shapes.py", "json/__init__.py", "json/tests/test_dumps.py"):
        index_module(run.pk, path)
    with pytest.raises(SyntaxError):
        index_module(run.pk, "broken.py")
    return library


def test_a_complete_index_agrees(indexed: Path) -> None:
    comparison = compare(indexed)

    assert comparison.agrees
    assert [(line.what, line.counted, line.stored) for line in comparison.lines] == [
        ("modules", 4, 4),
        ("that do not parse", 1, 1),
        ("functions", 4, 4),
        ("classes", 1, 1),
        ("methods", 1, 1),
        ("constants", 2, 2),
    ]


def test_a_missing_symbol_is_noticed(indexed: Path) -> None:
    Symbol.objects.get(full_name="json.dumps").delete()

    assert compare(indexed).differing == ("json/__init__.py",)


def test_a_module_that_is_not_in_the_index_is_noticed(indexed: Path) -> None:
    (indexed / "new.py").touch()

    assert compare(indexed).differing == ("new.py",)


def test_a_module_that_is_gone_is_noticed(indexed: Path) -> None:
    (indexed / "shapes.py").unlink()

    assert compare(indexed).differing == ("shapes.py",)


def test_the_command_says_that_they_agree(indexed: Path) -> None:
    out = StringIO()

    call_command("check_numbers", stdout=out)

    assert "They agree" in out.getvalue()


def test_the_command_fails_where_they_do_not(indexed: Path) -> None:
    Symbol.objects.all().delete()

    with pytest.raises(CommandError, match="3 modules differ"):
        call_command("check_numbers", stdout=StringIO())
