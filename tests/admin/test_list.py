"""The list of jobs."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ardiq_django.dashboard.desk import ROWS
from ardiq_django.dashboard.jobs import paging
from ardiq_django.results import State
from tests.admin.conftest import declared
from tests.admin.pages import Inline, get, ids, job_url, list_url, rows
from tests.admin.shop import Shop


def test_each_job_is_a_row_with_its_facts(shop: Shop, viewer: Client) -> None:
    made = shop.one_of_each()

    found = {row["id"]: row for row in rows(get(viewer, list_url()))}

    assert set(found) == set(made.values())
    assert {row["state"] for row in found.values()} == {state.value.capitalize() for state in State}
    succeeded = found[made[State.SUCCEEDED]]
    assert (succeeded["task"], succeeded["lane"], succeeded["tries"]) == ("shop. invoice", "default", "1")
    assert (succeeded["worker"], succeeded["took"]) == ("web-3:811", "5 ms")
    assert found[made[State.SCHEDULED]]["took"].startswith("in 59 min")
    assert found[made[State.RETRYING]]["task"] == "shop. invoice ValueError"


def test_the_newest_stands_first(shop: Shop, viewer: Client) -> None:
    made = [shop.put(number, delay_ms=number * 60_000) for number in range(1, 4)]

    assert ids(get(viewer, list_url())) == made[::-1]


def test_the_heading_of_the_time_turns_the_order_round(shop: Shop, viewer: Client) -> None:
    made = [shop.put(number, delay_ms=number * 60_000) for number in range(1, 4)]
    failed = [shop.failed(), shop.failed()]
    columns = re.findall(r'<th[^>]*class="[^"]*sortable[^"]*column-(\w+)', get(viewer, list_url()))
    (turned,) = set(re.findall(r'href="(\?o=[^".]+)"', get(viewer, list_url())))

    oldest_first = get(viewer, list_url() + turned)

    assert columns == ["when"]
    assert ids(oldest_first) == [*failed, *made]
    assert ids(get(viewer, list_url(state="scheduled", o=turned.removeprefix("?o=")))) == made


def test_a_state_is_chosen_and_every_state_is_counted(shop: Shop, viewer: Client) -> None:
    made = shop.one_of_each()
    more = shop.put(1)

    page = viewer.get(list_url(state="queued"))

    assert set(ids(page.content.decode())) == {made[State.QUEUED], more}
    assert _facets(page) == {"All": "9", **dict.fromkeys(_states(), "1"), "Queued": "2"}


def test_the_counts_follow_the_other_filters(shop: Shop, viewer: Client) -> None:
    shop.succeeded()
    shop.succeeded(task="shop.other")
    shop.put(1)

    page = viewer.get(list_url(task="shop.other"))

    assert _facets(page) == {"All": "1", **dict.fromkeys(_states(), "0"), "Succeeded": "1"}


def test_the_counts_follow_a_filter_that_fills_more_than_a_page(shop: Shop, viewer: Client) -> None:
    shop.succeeded()
    shop.put_many(ROWS + 30)
    shop.put_many(3, task="shop.other")

    page = viewer.get(list_url(task="shop.invoice"))

    assert _facets(page) == {"All": "81", **dict.fromkeys(_states(), "0"), "Succeeded": "1", "Queued": "80"}
    assert len(ids(page.content.decode())) == ROWS


def test_a_task_is_chosen_whether_it_is_declared_here_or_not(shop: Shop, viewer: Client) -> None:
    known, unknown = shop.put(1), shop.put(1, task="shop.gone")

    assert ids(get(viewer, list_url(task="shop.invoice"))) == [known]
    assert ids(get(viewer, list_url(task="shop.gone"))) == [unknown]


def test_a_search_finds_a_part_of_an_id_or_of_a_task(shop: Shop, viewer: Client) -> None:
    order, thumbnail = shop.put(1, id="order-4711"), shop.put(1, task="shop.thumbnail")

    assert ids(get(viewer, list_url(q="4711"))) == [order]
    assert ids(get(viewer, list_url(q="THUMB"))) == [thumbnail]
    assert ids(get(viewer, list_url(q="nothing of this"))) == []


def test_a_search_for_a_whole_id_leads_to_the_job(shop: Shop, viewer: Client) -> None:
    job_id = shop.put(1)
    shop.put(1)

    response = viewer.get(list_url(q=f" {job_id} "))

    assert response.status_code == 302
    assert response["Location"] == job_url(shop.queue, job_id)


def test_a_stranger_learns_nothing_from_a_search_for_a_whole_id(shop: Shop, staff: Client) -> None:
    job_id = shop.put(1)

    assert staff.get(list_url(q=job_id)).status_code == 403


def test_the_last_hour_leaves_out_what_is_older(shop: Shop, viewer: Client) -> None:
    old = shop.succeeded()
    shop.keep.travel(2 * 3_600_000)
    new = shop.put(1)
    shop.keep.travel(0)

    found = ids(get(viewer, list_url(since="1h")))

    assert new in found
    assert old in ids(get(viewer, list_url(since="24h")))


def test_a_day_is_chosen_from_the_hierarchy(shop: Shop, viewer: Client) -> None:
    today, in_three_days = shop.succeeded(), shop.put(1, delay_ms=3 * 24 * 3_600_000)
    day = timezone.localtime() + timedelta(days=3)

    page = get(viewer, list_url())
    chosen = get(viewer, list_url(when__year=day.year, when__month=day.month, when__day=day.day))

    assert today in ids(page)
    assert ids(chosen) == [in_three_days]


def test_a_second_queue_is_chosen(shop: Shop, viewer: Client) -> None:
    shop.put(1)

    page = get(viewer, list_url(queue=shop.other))

    assert ids(page) == []
    assert "No jobs here." in page


def test_pages_follow_one_another(shop: Shop, viewer: Client) -> None:
    made = set(shop.put_many(ROWS + 10))

    first, second = ids(get(viewer, list_url())), ids(get(viewer, list_url(p=2)))

    assert (len(first), len(second)) == (ROWS, 10)
    assert {*first, *second} == made


def test_a_page_beyond_the_last_leads_back(shop: Shop, viewer: Client) -> None:
    shop.put_many(ROWS + 10)

    assert viewer.get(list_url(p=3))["Location"].endswith("?e=1")


def test_pages_end_with_the_window_and_the_list_says_so(
    memory_shop: Shop, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "WINDOW", ROWS + 20)
    memory_shop.put_many(ROWS + 50)

    page = get(viewer, list_url(p=2))

    assert len(ids(page)) == 20
    assert "The first 70 of 100 jobs." in page


@pytest.mark.parametrize(
    "terms",
    [
        {"state": "lost"},
        {"queue": "nobody's"},
        {"since": "yesterday"},
        {"lane": "high"},
        {"task__startswith": "shop"},
        {"when__gte": "never"},
        {"o": "1"},
    ],
)
def test_what_a_broker_cannot_answer_leads_back_to_the_list(
    memory_shop: Shop, viewer: Client, terms: dict[str, str]
) -> None:
    memory_shop.put(1)

    assert viewer.get(list_url(**terms))["Location"].endswith("?e=1")


@pytest.mark.parametrize("broker", ["memory", "redis"], indirect=True)
def test_no_page_asks_the_tables_of_another_broker(shop: Shop, viewer: Client) -> None:
    job_id = shop.failed()

    with CaptureQueriesContext(connection) as queries:
        get(viewer, list_url(q="shop", state="failed"))
        get(viewer, job_url(shop.queue, job_id))

    assert [query["sql"] for query in queries if "ardiq_" in query["sql"]] == []


@pytest.mark.parametrize(
    "terms", [{}, {"p": 2}, {"task": "shop.invoice"}, {"task": "shop.invoice", "p": 2}, {"q": "s"}]
)
def test_a_page_asks_the_broker_ten_times_at_most(
    shop: Shop, viewer: Client, monkeypatch: pytest.MonkeyPatch, terms: dict[str, str]
) -> None:
    shop.one_of_each()
    shop.put_many(120)
    asked: list[str] = []
    for verb in ("page", "count", "vitals", "errors", "get_many", "get"):
        monkeypatch.setattr(shop.broker, verb, _noted(verb, asked, getattr(shop.broker, verb)))

    get(viewer, list_url(**terms))

    assert 0 < len(asked) <= 10


def test_a_broker_that_is_down_is_named_on_the_page(viewer: Client) -> None:
    with declared("redis://127.0.0.1:1/0") as (queue,):
        response = viewer.get(list_url())

    assert response.status_code == 200
    assert ids(response.content.decode()) == []
    (message,) = map(str, get_messages(response.wsgi_request))
    assert message.startswith(f"Queue {queue} cannot be read: ")


def test_nothing_on_the_list_is_inline_or_from_elsewhere(shop: Shop, viewer: Client) -> None:
    shop.one_of_each()

    assert Inline(get(viewer, list_url())).found == []


def _noted(verb: str, asked: list[str], real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any) -> Any:
        asked.append(verb)
        return real(*args)

    return call


def _facets(response: Any) -> dict[str, str]:
    changelist = response.context["cl"]
    (states,) = (spec for spec in changelist.filter_specs if spec.parameter_name == "state")
    return {str(choice["display"]): choice["count"] for choice in states.choices(changelist)}


def _states() -> list[str]:
    return [state.value.capitalize() for state in State]
