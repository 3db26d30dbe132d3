"""The list of jobs as a file."""

import csv
import json
from io import StringIO
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from ardiq_django.dashboard.jobs import export
from ardiq_django.results import Attempt, State
from tests.admin.conftest import declared
from tests.admin.pages import get, list_url
from tests.admin.shop import Shop


def url(form: str, **terms: str) -> str:
    return reverse("admin:ardiq_job_export", args=[form]) + list_url(**terms).removeprefix(list_url())


def text(client: Client, form: str, **terms: str) -> str:
    response: Any = client.get(url(form, **terms))
    assert response.status_code == 200, response.headers
    return b"".join(response.streaming_content).decode()


def table(client: Client, **terms: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text(client, "csv", **terms))))


def test_each_listed_job_is_a_line(shop: Shop, viewer: Client) -> None:
    made = shop.one_of_each()

    found = table(viewer)

    assert {line["id"]: line["state"] for line in found} == {made[state]: state.value for state in State}
    assert {(line["queue"], line["task"]) for line in found} == {(shop.queue, "shop.invoice")}


def test_filters_narrow_it(shop: Shop, viewer: Client) -> None:
    made = shop.one_of_each()

    assert [line["id"] for line in table(viewer, state="failed", q="valueerr")] == [made[State.FAILED]]
    assert json.loads(text(viewer, "json", state="failed", task="shop.other")) == []


def test_as_json_it_has_the_same(shop: Shop, viewer: Client) -> None:
    shop.succeeded()

    (line,), (record,) = table(viewer), json.loads(text(viewer, "json"))

    assert line == {name: "" if value is None else str(value) for name, value in record.items()}
    assert record["ran_ms"] == 5


def test_what_jobs_carry_needs_its_right(shop: Shop, viewer: Client, reader: Client) -> None:
    shop.succeeded("anna@example.org")
    shop.failed_with(Attempt(1, "failed", 1, 2, "w", "ValueError", "card of anna"), "no")

    assert "anna" not in text(viewer, "csv") + text(viewer, "json")
    both = text(reader, "csv"), text(reader, "json")
    assert all("anna@example.org" in one and "card of anna" in one for one in both)


def test_what_is_sensitive_is_masked_for_everybody(shop: Shop, reader: Client) -> None:
    shop.put(1, kwargs={"card": "4111-1111"})

    assert "4111" not in text(reader, "csv") + text(reader, "json")


@pytest.mark.parametrize("evil", ["=HYPERLINK(1)", "+1", "-1+1", "@SUM(1)", "\tx", "\rx"])
def test_no_cell_is_a_formula(memory_shop: Shop, viewer: Client, evil: str) -> None:
    memory_shop.put(1, task=evil)

    (line,) = table(viewer)

    assert line["task"] == f"'{evil}"


def test_it_ends_with_the_window_and_is_read_in_steps(
    shop: Shop, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "STEP", 150)
    monkeypatch.setattr(export, "WINDOW", 300)
    made = shop.put_many(350)

    found = [line["id"] for line in table(viewer)]

    assert len(found) == len(set(found)) == 300
    assert set(found) < set(made)


def test_it_is_on_record(memory_shop: Shop, viewer: Client) -> None:
    memory_shop.failed()

    text(viewer, "csv", state="failed")

    entry = LogEntry.objects.get()
    assert entry.change_message == f"export: csv; queue {memory_shop.queue}, state failed (1)"
    assert entry.user.get_username() == "viewer"


def test_it_needs_the_right_to_see_jobs(memory_shop: Shop, staff: Client, client: Client) -> None:
    assert staff.get(url("csv")).status_code == 403
    assert client.get(url("csv"))["Location"].startswith("/admin/login/")
    assert not LogEntry.objects.exists()


def test_the_list_leads_to_it_with_its_filters(memory_shop: Shop, viewer: Client) -> None:
    assert f'href="{url("csv", state="failed")}"' in get(viewer, list_url(state="failed"))


def test_what_is_not_offered_is_refused(memory_shop: Shop, viewer: Client) -> None:
    assert viewer.get(url("xls")).status_code == 404
    assert viewer.get(url("csv", state="lost"))["Location"] == f"{list_url()}?e=1"


def test_a_broker_that_is_down_leads_to_the_list_which_says_so(viewer: Client) -> None:
    with declared("redis://127.0.0.1:1/0"):
        assert viewer.get(url("csv"))["Location"] == list_url()
