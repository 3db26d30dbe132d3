"""The jobs of the example, called in place and run by a worker."""

from collections.abc import Callable
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import transaction

from ardiq_django import State, app
from symbols.counting import compare
from symbols.models import Module, Run, Summary, Symbol
from symbols.tasks import find_changes, index_library, index_module, job_id, refresh_summary, start_index
from tests.example.conftest import write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("library", "work")]
transactional = pytest.mark.django_db(transaction=True)
MODULES = 4


@pytest.fixture
def run() -> Run:
    return Run.objects.create()


def names() -> list[str]:
    return list(Symbol.objects.values_list("full_name", flat=True))


def test_a_modules_job_stores_its_symbols(run: Run) -> None:
    number = index_module(run.pk, "shapes.py")

    assert number == 5
    assert names() == ["shapes.SIDES", "shapes.Square", "shapes.Square.CORNERS", "shapes.Square.area", "shapes.draw"]


def test_a_modules_job_that_runs_twice_leaves_what_one_would(run: Run) -> None:
    index_module(run.pk, "shapes.py")
    once = list(Symbol.objects.values_list("full_name", "kind", "line"))

    index_module(run.pk, "shapes.py")

    assert list(Symbol.objects.values_list("full_name", "kind", "line")) == once
    assert Module.objects.count() == 1


def test_new_symbols_take_the_place_of_old_ones(run: Run, library: Path) -> None:
    index_module(run.pk, "shapes.py")
    write(library, "shapes.py", "def triangle(): ...\n")

    index_module(run.pk, "shapes.py")

    assert names() == ["shapes.triangle"]


def test_the_error_of_a_module_that_does_not_parse_leaves_the_task(run: Run) -> None:
    with pytest.raises(SyntaxError):
        index_module(run.pk, "broken.py")

    assert Module.objects.get().error.startswith("SyntaxError: Missing parentheses")


def test_a_module_that_parses_again_is_no_failure_any_more(run: Run, library: Path) -> None:
    with pytest.raises(SyntaxError):
        index_module(run.pk, "broken.py")
    write(library, "broken.py", "print('mended')\n")

    index_module(run.pk, "broken.py")

    assert not Module.objects.failed().exists()


def test_the_jobs_of_an_older_run_do_nothing(run: Run) -> None:
    Run.objects.create()

    assert index_module(run.pk, "shapes.py") == 0
    assert not Module.objects.exists()


@transactional
def test_indexing_makes_one_job_for_each_module(run: Run) -> None:
    assert index_library(run.pk) == MODULES

    run.refresh_from_db()
    assert run.modules == MODULES
    assert app.queue_size_sync() == MODULES


@transactional
def test_indexing_twice_makes_no_second_jobs(run: Run) -> None:
    index_library(run.pk)

    index_library(run.pk)

    assert app.queue_size_sync() == MODULES


def test_indexing_forgets_modules_that_are_gone(run: Run, library: Path) -> None:
    index_module(run.pk, "shapes.py")
    (library / "shapes.py").unlink()

    index_library(run.pk)

    assert not Module.objects.exists()


def test_there_is_one_summary_and_it_counts_everything(run: Run) -> None:
    refresh_summary()
    index_module(run.pk, "shapes.py")
    index_module(run.pk, "json/__init__.py")

    said = refresh_summary()

    summary = Summary.objects.get()
    assert said == str(summary) == "2 modules, 7 symbols, 0 failures"
    assert summary.kinds == {"function": 3, "class": 1, "method": 1, "constant": 2}
    assert summary.largest_packages == [("shapes", 5), ("json", 2)]


@transactional
async def test_only_changed_modules_are_indexed_again(library: Path) -> None:
    run = await Run.objects.acreate()
    for path in ("shapes.py", "json/__init__.py"):
        await sync_to_async(index_module)(run.pk, path)
    write(library, "shapes.py", "def triangle(): ...\n")

    assert await find_changes() == 1
    assert await app.queue_size() == 1


@transactional
async def test_nothing_has_changed_where_nothing_was_indexed() -> None:
    assert await find_changes() == 0


@transactional
def test_a_worker_indexes_the_library(work: Callable[[], None]) -> None:
    run = start_index()

    work()

    run.refresh_from_db()
    assert run.is_finished
    assert run.failures == 1
    assert compare(settings.LIBRARY).agrees


@transactional
def test_a_module_that_does_not_parse_ends_failed_after_its_retries(work: Callable[[], None]) -> None:
    run = start_index()

    work()

    result = app.job(job_id(run.pk, "broken.py")).result_sync()
    assert result is not None
    assert (result.state, result.tries) == (State.FAILED, 3)
    assert len(result.attempts) == 3
    assert all("SyntaxError" in attempt.traceback for attempt in result.attempts)


@transactional
def test_a_second_run_finds_the_same(work: Callable[[], None]) -> None:
    start_index()
    work()
    once = names()

    start_index()
    work()

    assert names() == once
    assert compare(settings.LIBRARY).agrees


@transactional
def test_a_run_that_is_rolled_back_leaves_no_job() -> None:
    with transaction.atomic():
        start_index()
        transaction.set_rollback(True)

    assert not Run.objects.exists()
    assert app.queue_size_sync() == 0
