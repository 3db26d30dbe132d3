"""The counters that stand above the pages: of which queue, for whom, where they lead, and what they cost."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.utils.html import strip_tags

from ardiq_django.declared import get_app
from ardiq_django.results import State
from ardiq_django.snapshot import COUNTED_MOST, Totals
from tests.admin.conftest import client_of, declared
from tests.admin.pages import Inline, get, list_url
from tests.admin.shop import INVOICE, Shop
from tests.admin.test_budget import verbs_counted

ROOT = "/admin/ardiq/"
STRIP = re.compile(r'<nav class="ardiq-totals".*?</nav>', re.DOTALL)
NAMES = ["Queued", "Running", "Scheduled", "Retrying", "Succeeded", "Failed", "Aborted", "Expired"]


def strip(page: str) -> str:
    """Empty where there is none; never twice."""
    found = STRIP.findall(page)
    assert len(found) <= 1
    return "".join(found)


def numbers(page: str) -> dict[str, str]:
    words = " ".join(strip_tags(strip(page)).split())
    return dict(re.findall(rf"({'|'.join(NAMES)}) ([\d,]+\+?)", words))


def links(page: str) -> list[str]:
    return [unescape(address) for address in re.findall(r'href="([^"]*)"', strip(page))]


def beside(shop: Shop, **options: int) -> None:
    """One more job in the second queue."""
    task: Any = get_app(shop.other).ref(INVOICE)
    task.options(enqueue_on_commit="never", **options).enqueue_sync(1)


def fill(shop: Shop) -> str:
    """Some jobs in one queue, others in the second; returns the key of one that failed."""
    failed = shop.failed()
    shop.put_many(3)
    beside(shop)
    beside(shop)
    return f"{shop.queue}:{failed}"


@pytest.mark.parametrize("page", ["worker/", "task/", "queue/", "schedule/", "schedule/add/"])
def test_a_page_about_all_queues_counts_the_jobs_of_all(shop: Shop, admin_client: Client, page: str) -> None:
    fill(shop)

    shown = get(admin_client, ROOT + page)

    assert list(numbers(shown)) == NAMES
    assert (numbers(shown)["Queued"], numbers(shown)["Failed"]) == ("5", "1")
    assert f"{shop.queue} 3 · {shop.other} 2" in strip(shown)
    assert 'aria-label="Jobs of all queues"' in strip(shown)
    assert Inline(shown).found == []


def test_a_page_about_one_queue_counts_the_jobs_of_that(shop: Shop, admin_client: Client) -> None:
    key = quote(fill(shop))
    task, worker = quote(f"{shop.queue}:{INVOICE}"), quote(f"{shop.queue}:{shop.worker.epoch}")
    scheduled = quote(f"{shop.queue}:{shop.scheduled()}")
    looks = [f"task/?queue={shop.queue}", f"schedule/?queue={shop.queue}", f"job/{key}/change/", f"job/{key}/history/"]
    looks += [f"job/{scheduled}/reschedule/", f"task/{task}/enqueue/", f"worker/{worker}/history/"]

    for look in [*looks, f"queue/{quote(shop.queue)}/history/"]:
        page = get(admin_client, ROOT + look)
        assert (numbers(page)["Queued"], numbers(page)["Failed"]) == ("3", "1"), look
        assert f'aria-label="Jobs of {shop.queue}"' in strip(page), look
        assert shop.other not in strip(page), look


def test_the_questions_count_too(shop: Shop, admin_client: Client) -> None:
    key = fill(shop)
    ticked = {"action": "remove", "_selected_action": key, "index": "0"}
    whole = {"action": "retry", "_selected_action": "all", "select_across": "1", "index": "0", "as_of": "0"}

    asked = [
        admin_client.post(f"{ROOT}job/{quote(key)}/remove/"),
        admin_client.post(list_url(), ticked),
        admin_client.post(list_url(queue=shop.queue, state="failed"), whole),
    ]

    for response in asked:
        page = response.content.decode()
        assert "Are you sure?" in page or "There is no such job" in page
        assert numbers(page)["Queued"] == "3"


def test_where_states_are_told_already_they_are_not_told_again(shop: Shop, admin_client: Client) -> None:
    fill(shop)

    assert strip(get(admin_client, ROOT)) == ""
    assert strip(get(admin_client, list_url())) == ""


def test_each_leads_to_such_jobs_of_the_first_queue_that_has_any(shop: Shop, admin_client: Client) -> None:
    fill(shop)
    beside(shop, delay_ms=60_000)

    found = links(get(admin_client, f"{ROOT}worker/"))

    assert found[0] == list_url(queue=shop.queue, state="queued")
    assert found[2] == list_url(queue=shop.other, state="scheduled")
    assert found[3] == list_url(queue=shop.queue, state="retrying")
    for address in found:
        get(admin_client, address)


def test_who_may_not_see_jobs_sees_no_counters(memory_shop: Shop, db: None) -> None:
    fill(memory_shop)
    blind = client_of("blind", "view_worker", "view_queue", "view_task", "view_schedule")

    for page in ("worker/", "queue/", "task/", "schedule/"):
        assert strip(get(blind, ROOT + page)) == ""


def test_a_queue_that_cannot_be_read_hides_no_other(db: None, admin_client: Client) -> None:
    with declared("redis://localhost:1/0", "memory://") as (down, up):
        for page in ("worker/", "task/", "queue/", "schedule/"):
            shown = get(admin_client, ROOT + page)
            assert numbers(shown)["Queued"] == "0", page
            assert f"without {down}" in strip(shown), page
        assert strip(get(admin_client, f"{ROOT}task/?queue={down}")) == ""
        assert f"Jobs of {up}" in strip(get(admin_client, f"{ROOT}task/?queue={up}"))


def test_what_was_not_counted_to_its_end_says_so(
    memory_shop: Shop, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def count(*_: object) -> Totals:
        return Totals({State.QUEUED: COUNTED_MOST, State.FAILED: 7}, [State.QUEUED])

    monkeypatch.setattr(memory_shop.broker, "count", count)

    page = get(admin_client, f"{ROOT}worker/")

    assert (numbers(page)["Queued"], numbers(page)["Failed"]) == ("50,000+", "7")


@pytest.mark.parametrize(("page", "more"), [("worker/", ["count"]), ("queue/", []), ("schedule/", ["count"])])
def test_they_cost_one_question_at_most(memory_shop: Shop, admin_client: Client, page: str, more: list[str]) -> None:
    blind = client_of("blind", "view_worker", "view_queue", "view_schedule")
    seeing = client_of("seeing", "view_worker", "view_queue", "view_schedule", "view_job")

    with verbs_counted(memory_shop.broker) as without:
        get(blind, ROOT + page)
    with verbs_counted(memory_shop.broker) as asked:
        get(seeing, ROOT + page)

    assert sorted(asked) == sorted([*without, *more])
