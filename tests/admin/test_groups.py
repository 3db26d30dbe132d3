"""Failed jobs by what they failed with: looked for, and grouped."""

import html
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from ardiq_django.results import Attempt, State
from tests.admin.conftest import client_of
from tests.admin.pages import get, ids, list_url
from tests.admin.shop import Shop


def failed(shop: Shop, error: str, message: str = "no") -> str:
    attempt = Attempt(1, "failed", 1_000, 2_000, "web-3:811", error, message)
    return shop.failed_with(attempt, f"{error}({message!r})")


def groups(client: Client, **terms: str) -> list[Any]:
    found: list[Any] = client.get(list_url(state="failed", group="error", **terms)).context["groups"]
    return found


def test_among_failed_jobs_a_search_finds_the_error_too(shop: Shop, viewer: Client) -> None:
    wanted = failed(shop, "GatewayError")
    failed(shop, "ValueError")

    assert ids(get(viewer, list_url(state="failed", q="gatew"))) == [wanted]
    assert ids(get(viewer, list_url(state="failed", q="invoice"))) != []
    assert ids(get(viewer, list_url(q="gatew"))) == []


def test_what_an_error_said_is_found_by_whoever_may_read_it(shop: Shop, viewer: Client, reader: Client) -> None:
    wanted = failed(shop, "ValueError", "card of Anna")

    assert ids(get(reader, list_url(state="failed", q="anna"))) == [wanted]
    assert ids(get(viewer, list_url(state="failed", q="anna"))) == []


def test_the_tab_counts_what_was_found_in_errors(shop: Shop, viewer: Client) -> None:
    failed(shop, "GatewayError")
    failed(shop, "ValueError")

    tabs = viewer.get(list_url(state="failed", q="gatew")).context["tabs"]

    assert [tab["count"] for tab in tabs if tab["selected"]] == ["1"]


def test_failed_jobs_are_grouped_by_task_and_error_the_largest_first(shop: Shop, viewer: Client) -> None:
    for error in ("GatewayError", "ValueError", "GatewayError"):
        failed(shop, error)
    shop.failed(task="shop.other")

    found = groups(viewer)

    assert [(one.task, one.error, one.number) for one in found] == [
        ("shop.invoice", "GatewayError", 2),
        ("shop.invoice", "ValueError", 1),
        ("shop.other", "ValueError", 1),
    ]
    assert found[0].newest_ms == 2_000


def test_a_group_leads_to_its_jobs(shop: Shop, viewer: Client) -> None:
    wanted = {failed(shop, "GatewayError"), failed(shop, "GatewayError")}
    failed(shop, "ValueError")

    page = get(viewer, list_url(state="failed", group="error"))
    (group, _) = groups(viewer)

    assert html.escape(group.address) in page
    assert set(ids(get(viewer, list_url() + group.address))) == wanted


def test_groups_are_offered_among_failed_jobs_only(memory_shop: Shop, viewer: Client) -> None:
    memory_shop.one_of_each()

    assert "Group by error" in get(viewer, list_url(state="failed"))
    assert "Group by error" not in get(viewer, list_url(state="succeeded"))
    assert "Group by error" not in get(viewer, list_url())


def test_the_other_filters_narrow_the_groups(memory_shop: Shop, viewer: Client) -> None:
    failed(memory_shop, "GatewayError")
    memory_shop.failed(task="shop.other")

    assert [one.task for one in groups(viewer, task="shop.other")] == ["shop.other"]
    assert [one.error for one in groups(viewer, q="gatew")] == ["GatewayError"]


def test_a_whole_group_is_acted_on_after_a_question(shop: Shop, admin_client: Client) -> None:
    wanted = [failed(shop, "GatewayError"), failed(shop, "GatewayError")]
    other = failed(shop, "ValueError")
    (group, _) = groups(admin_client)
    sent = {"index": "0", "select_across": "1", "_selected_action": "all", "action": "retry"}

    asked = admin_client.post(list_url() + group.address, sent)
    admin_client.post(list_url() + group.address, {**sent, "confirmed": "yes"})

    assert asked.context["number"] == 2
    assert ("error", "GatewayError") in asked.context["words"]
    states = {row.job.id: row.state for row in shop.run(shop.broker.get_many([*wanted, other])).values()}
    assert states == {**dict.fromkeys(wanted, State.QUEUED), other: State.FAILED}


def test_buttons_stand_beside_groups_only_for_those_with_the_right(memory_shop: Shop, viewer: Client) -> None:
    failed(memory_shop, "GatewayError")
    url = list_url(state="failed", group="error")

    assert 'value="retry"' not in get(viewer, url)
    assert 'value="retry"' in get(client_of("mender", "view_job", "retry_job"), url)
    assert 'value="remove"' not in get(client_of("mender2", "view_job", "retry_job"), url)


@pytest.mark.parametrize("terms", [{"group": "task"}, {"error": ""}])
def test_what_is_not_offered_leads_back(memory_shop: Shop, viewer: Client, terms: dict[str, str]) -> None:
    assert viewer.get(list_url(**terms))["Location"].endswith("?e=1")


@pytest.mark.parametrize(
    "terms", [{"q": "gatew"}, {"group": "error"}, {"error": "GatewayError", "task": "shop.invoice"}]
)
def test_a_page_asks_the_broker_twelve_times_at_most(
    shop: Shop, viewer: Client, monkeypatch: pytest.MonkeyPatch, terms: dict[str, str]
) -> None:
    failed(shop, "GatewayError")
    shop.one_of_each()
    asked: list[str] = []
    for verb in ("page", "counts", "get", "get_many", "errors"):
        monkeypatch.setattr(shop.broker, verb, _noted(verb, asked, getattr(shop.broker, verb)))

    get(viewer, list_url(state="failed", **terms))

    assert 0 < len(asked) <= 12


def _noted(verb: str, asked: list[str], real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        asked.append(verb)
        return real(*args)

    return call
