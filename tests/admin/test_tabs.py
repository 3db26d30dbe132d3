"""The states as tabs above the list, and the order in which all states stand together."""

from urllib.parse import parse_qs

import pytest
from django.test import Client

from ardiq_django.dashboard.desk import ROWS
from tests.admin.pages import get, ids, list_url
from tests.admin.shop import Shop


def tabs(client: Client, **terms: str) -> dict[str, tuple[str, bool, str]]:
    """Each tab's count, whether it is the current one, and where it leads."""
    context = client.get(list_url(**terms)).context
    return {str(tab["display"]): (tab["count"], tab["selected"], tab["query_string"]) for tab in context["tabs"]}


def test_each_state_is_a_tab_with_its_count_and_the_chosen_one_is_marked(shop: Shop, viewer: Client) -> None:
    shop.one_of_each()

    found = tabs(viewer, state="failed")

    assert " ".join(found) == "All Queued Running Scheduled Retrying Succeeded Failed Aborted Expired"
    assert {count for count, _, _ in found.values()} == {"8", "1"}
    assert [name for name, (_, chosen, _) in found.items() if chosen] == ["Failed"]
    assert 'state=failed" aria-current="page"' in get(viewer, list_url(state="failed"))


def test_a_tab_keeps_what_else_is_chosen_and_begins_with_the_first_page(memory_shop: Shop, viewer: Client) -> None:
    memory_shop.put_many(150)

    _, _, address = tabs(viewer, task="shop.invoice", since="1h", p="2")["Failed"]

    assert parse_qs(address.lstrip("?")) == {"task": ["shop.invoice"], "since": ["1h"], "state": ["failed"]}


def test_the_states_stand_nowhere_else(memory_shop: Shop, viewer: Client) -> None:
    page = get(viewer, list_url())

    assert 'data-filter-title="state"' not in page
    assert 'data-filter-title="time"' in page


def test_tasks_are_counted_where_all_jobs_are_at_hand(shop: Shop, viewer: Client) -> None:
    shop.put_many(3)
    shop.put(1, task="shop.unknown")

    few = tasks(viewer)
    shop.put_many(100)

    assert few == {"All": "4", "shop.invoice": "3"}
    assert tasks(viewer) == {"All": "", "shop.invoice": ""}
    assert tasks(viewer, task="shop.invoice") == {"All": "", "shop.invoice": ""}


def tasks(client: Client, **terms: str) -> dict[str, str]:
    changelist = client.get(list_url(**terms)).context["cl"]
    (spec,) = (one for one in changelist.filter_specs if one.parameter_name == "task")
    return {str(choice["display"]): choice["count"] for choice in spec.choices(changelist)}


def test_what_waits_for_its_time_stands_below_what_happens_now(shop: Shop, viewer: Client) -> None:
    in_an_hour, retried = shop.scheduled(), shop.retrying()
    ended, queued = shop.succeeded(), shop.put(1)

    found = ids(get(viewer, list_url()))

    assert set(found[:2]) == {ended, queued}
    assert set(found[2:]) == {in_an_hour, retried}


@pytest.mark.parametrize("terms", [{}, {"task": "shop.invoice"}])
def test_pages_lead_from_what_happens_now_to_what_waits(shop: Shop, viewer: Client, terms: dict[str, str]) -> None:
    later = shop.put_many(ROWS + 20, delay_ms=3_600_000)
    now = shop.put_many(ROWS + 30)

    pages = [ids(get(viewer, list_url(**terms, p=number))) for number in (1, 2, 3)]

    assert [len(page) for page in pages] == [ROWS, ROWS, 50]
    assert {*pages[0], *pages[1][:30]} == set(now)
    assert {*pages[1][30:], *pages[2]} == set(later)
