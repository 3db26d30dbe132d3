"""The page of the example."""

from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client
from django.urls import reverse

from ardiq_django import app
from symbols.models import Run
from symbols.tasks import index_module, refresh_summary, start_index
from tests.example.conftest import write

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("library", "work")]
AGAIN = "/index-again/"


@pytest.fixture
def indexed() -> Run:
    """A finished run, and a summary of it."""
    run = Run.objects.create(modules=4, python="3.11.7")
    for path in ("shapes.py", "json/__init__.py", "json/tests/test_dumps.py"):
        index_module(run.pk, path)
    with pytest.raises(SyntaxError):
        index_module(run.pk, "broken.py")
    refresh_summary()
    return run


def shown(client: Client, query: str) -> list[str]:
    """The names in the table, in their order."""
    return [symbol.full_name for symbol in client.get(f"/{query}").context["page"]]


def text(client: Client, address: str = "/") -> str:
    return client.get(address).content.decode()


def test_an_empty_index_says_so(client: Client) -> None:
    page = text(client)

    assert "Nothing has been indexed yet" in page
    assert "The index is empty as yet" in page


def test_the_page_shows_the_run_the_summary_and_what_failed(client: Client, indexed: Run) -> None:
    page = text(client)

    assert f"<strong>Run {indexed.pk}</strong>" in page
    assert "1 cannot be read" in page
    assert ">broken.py</a>" in page
    assert "<dd>8</dd>" in page


def test_a_search_finds_names_that_hold_every_word(client: Client, indexed: Run) -> None:
    assert shown(client, "?q=json dumps") == ["json.dumps", "json.tests.test_dumps.test_dumps"]
    assert shown(client, "?q=SQUARE area") == ["shapes.Square.area"]
    assert shown(client, "?q=nowhere") == []


def test_exact_names_come_first_and_tests_last(client: Client, indexed: Run, library: object) -> None:
    write(settings.LIBRARY, "aaa.py", "def dumps_more(): ...\n\ndef all_dumps(): ...\n")
    index_module(indexed.pk, "aaa.py")

    names = shown(client, "?q=dumps")

    assert names == ["json.dumps", "aaa.dumps_more", "aaa.all_dumps", "json.tests.test_dumps.test_dumps"]


def test_kinds_and_packages_narrow_the_search(client: Client, indexed: Run) -> None:
    assert shown(client, "?kind=class") == ["shapes.Square"]
    assert shown(client, "?package=json&q=loads") == ["json.loads"]
    assert shown(client, "?package=json&kind=class") == []


def test_many_names_are_shown_a_page_at_a_time(client: Client, indexed: Run) -> None:
    write(settings.LIBRARY, "many.py", "".join(f"def f{number:03}(): ...\n" for number in range(120)))
    index_module(indexed.pk, "many.py")

    assert len(shown(client, "?package=many")) == 50
    assert shown(client, "?package=many&page=3") == [f"many.f{number:03}" for number in range(100, 120)]
    assert shown(client, "?package=many&page=99") == shown(client, "?package=many&page=3")


def test_a_search_text_is_escaped(client: Client, indexed: Run) -> None:
    assert "<script>alert" not in text(client, "/?q=<script>alert(1)</script>")


def test_the_page_has_no_inline_script_or_style(client: Client, indexed: Run) -> None:
    page = text(client)

    assert "<style" not in page
    assert " style=" not in page
    assert "<script>" not in page
    assert " onclick=" not in page


def test_the_progress_of_a_run_can_be_asked_for_alone(client: Client) -> None:
    run = Run.objects.create(modules=4)
    index_module(run.pk, "shapes.py")

    part = text(client, "/progress/")

    assert "1 of 4" in part
    assert "data-going" in part
    assert "<html" not in part


def test_the_page_says_whose_names_it_shows(client: Client, indexed: Run, settings: Any) -> None:
    assert "the standard library of Python 3.11.7 defines" in text(client)

    settings.STANDARD_LIBRARY = None
    assert f"{settings.LIBRARY}</em> defines" in text(client)


def test_a_finished_run_stops_the_page_from_asking(client: Client, indexed: Run) -> None:
    assert "data-going" not in text(client, "/progress/")


@pytest.mark.django_db(transaction=True)
def test_the_button_begins_a_run(client: Client) -> None:
    answer = client.post(AGAIN)

    assert answer.status_code == 302
    assert Run.objects.count() == 1
    assert app.queue_size_sync() == 1


@pytest.mark.django_db(transaction=True)
def test_a_button_whose_transaction_is_rolled_back_begins_nothing(client: Client) -> None:
    with transaction.atomic():
        client.post(AGAIN)
        assert app.queue_size_sync() == 0
        transaction.set_rollback(True)

    assert Run.objects.count() == 0
    assert app.queue_size_sync() == 0


def test_the_button_is_a_post_with_a_token(client: Client) -> None:
    assert client.get(AGAIN).status_code == 405
    assert Client(enforce_csrf_checks=True).post(AGAIN).status_code == 403


@pytest.mark.parametrize("model", ["run", "module", "symbol", "summary"])
def test_the_admin_shows_the_rows_and_lets_nobody_change_them(admin_client: Client, indexed: Run, model: str) -> None:
    assert admin_client.get(reverse(f"admin:symbols_{model}_changelist")).status_code == 200
    assert admin_client.get(reverse(f"admin:symbols_{model}_add")).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_a_failed_module_leads_to_its_job_in_the_admin(admin_client: Client, work: Callable[[], None]) -> None:
    start_index()
    work()
    ((_, address),) = admin_client.get("/").context["failed"]

    page = text(admin_client, address)

    assert "broken.py" in page
    assert "SyntaxError" in page
