"""The tasks: how each does, and the form that enqueues it."""

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from ardiq_django import codec
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.statistics import BEGUN, FAILED, RUN, SUCCEEDED, Figures, cell_of
from tests.admin.conftest import client_of
from tests.admin.pages import get
from tests.admin.shop import INVOICE, Shop

TASKS = "/admin/ardiq/task/"


def form_url(shop: Shop, task: str = INVOICE) -> str:
    return reverse("admin:ardiq_task_enqueue", args=[quote(f"{shop.queue}:{task}")])


def calls(shop: Shop) -> list[Any]:
    page = shop.run(shop.broker.page(Query(states=(State.QUEUED, State.SCHEDULED))))
    return [codec.decode(row.job.call) for row in page.rows]


def report(shop: Shop, task: str, **cells: int) -> None:
    numbers = {"begun": BEGUN, "succeeded": SUCCEEDED, "failed": FAILED, "ran": RUN + cell_of(100)}
    told = {task: Figures({numbers[name]: number for name, number in cells.items()})}
    shop.run(shop.broker.report(shop.worker.epoch, 1, told))


def test_each_task_is_a_row_with_what_became_of_it_within_a_day(shop: Shop, admin_client: Client) -> None:
    report(shop, INVOICE, begun=40, succeeded=30, failed=10, ran=40)

    page = get(admin_client, TASKS)

    assert INVOICE in page
    assert "25.0 %" in page
    assert "40 runs, 10 failed" in page


def test_a_task_that_ran_but_is_not_declared_here_is_listed_without_a_form(shop: Shop, admin_client: Client) -> None:
    report(shop, "shop.of_next_release", begun=1)

    page = get(admin_client, TASKS)

    assert "shop.of_next_release" in page
    assert form_url(shop) in page
    assert form_url(shop, "shop.of_next_release") not in page
    assert admin_client.get(form_url(shop, "shop.of_next_release")).status_code == 404


@pytest.mark.parametrize("order", range(1, 9))
def test_the_list_is_sorted_by_any_column(memory_shop: Shop, admin_client: Client, order: int) -> None:
    report(memory_shop, INVOICE, begun=4, succeeded=4)

    for sign in ("", "-"):
        assert INVOICE in get(admin_client, f"{TASKS}?o={sign}{order}")


def test_the_list_is_searched(memory_shop: Shop, admin_client: Client) -> None:
    assert "0 tasks" in get(admin_client, f"{TASKS}?q=nothing-like-it")
    assert "1 task" in get(admin_client, f"{TASKS}?q=INVOI")


def test_a_call_is_enqueued_as_it_is_typed(shop: Shop, admin_client: Client) -> None:
    sent = {"order": "4711", "customer": '{"name": "Anna"}', "card": "4111 1111", "rest": '["gift"]'}

    response = admin_client.post(form_url(shop), {**sent, "option-lane": "high", "option-id": "by-hand"})

    assert response["Location"] == reverse("admin:ardiq_job_change", args=[quote(f"{shop.queue}:by-hand")])
    assert calls(shop) == [[[4711, {"name": "Anna"}, "4111 1111", "gift"], {}]]
    assert (LogEntry.objects.get().object_id, LogEntry.objects.get().change_message) == (
        f"{shop.queue}:by-hand",
        "enqueue",
    )


def test_what_is_left_empty_keeps_its_default(memory_shop: Shop, admin_client: Client) -> None:
    admin_client.post(form_url(memory_shop), {"order": "1", "option-delay": "60"})

    assert calls(memory_shop) == [[[1], {}]]
    assert memory_shop.run(memory_shop.broker.counts())[State.SCHEDULED] == 1


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ({}, "This field is required."),
        ({"order": "4711, 4712"}, "This is not JSON"),
        ({"order": "1", "extra": "[1]"}, "dict is wanted, not [1]"),
        ({"order": "1", "option-delay": "-1"}, "greater than or equal to 0"),
        ({"order": "1", "option-lane": "nowhere"}, "Select a valid choice"),
        ({"order": "1", "option-id": "cron:x"}, "cron:"),
    ],
)
def test_what_cannot_be_enqueued_is_said_on_the_form(
    memory_shop: Shop, admin_client: Client, sent: dict[str, str], told: str
) -> None:
    page = admin_client.post(form_url(memory_shop), sent).content.decode()

    assert told in page
    assert calls(memory_shop) == []


def test_the_form_hides_the_default_of_what_is_sensitive(memory_shop: Shop, admin_client: Client) -> None:
    page = get(admin_client, form_url(memory_shop))

    assert "= None" in page
    assert "= &#x27;&#x27;" not in page


def test_each_page_needs_its_right(memory_shop: Shop, staff: Client) -> None:
    looker = client_of("looker", "view_task")

    assert staff.get(TASKS).status_code == 403
    assert form_url(memory_shop) not in get(looker, TASKS)
    assert looker.get(form_url(memory_shop)).status_code == 403
    assert looker.post(form_url(memory_shop), {"order": "1"}).status_code == 403
    assert calls(memory_shop) == []
