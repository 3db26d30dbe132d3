"""The page of one worker: all that it runs, in pages, for whoever may see it."""

from html import unescape

import pytest
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from ardiq_django.declared import get_app
from ardiq_django.wire import News, WorkerCard
from tests.admin.conftest import client_of, declared
from tests.admin.pages import Inline, get, job_url, rows
from tests.admin.shop import INVOICE, Shop
from tests.admin.test_budget import verbs_counted
from tests.admin.test_shortcuts import way
from tests.admin.test_workers import key, tell, url

MANY = 120


def page_of(shop: Shop, **terms: int) -> str:
    asked = "&".join(f"{name}={value}" for name, value in terms.items())
    return f"{url('change', quote(key(shop)))}?{asked}"


def busy(shop: Shop, number: int) -> list[str]:
    """The ids of jobs that the worker runs, the longest running first."""
    ids = [shop.running() for _ in range(number)]
    now_ms = shop.run(shop.broker.now_ms())
    tell(shop, starts={job_id: now_ms - (number - place) * 1_000 for place, job_id in enumerate(ids)})
    return ids


def test_all_that_it_runs_is_listed_the_longest_running_first(shop: Shop, admin_client: Client) -> None:
    ids = busy(shop, 5)

    page = get(admin_client, page_of(shop))

    assert [row["task"] for row in rows(page)] == [INVOICE] * 5
    places = [page.index(job_url(shop.queue, job_id)) for job_id in ids]
    assert places == sorted(places)
    assert rows(page)[0]["took"].startswith("5")
    assert rows(page)[0]["attempt"] == "1"
    assert "5 jobs, as it tells; the longest running first." in page
    assert "web-3" in page
    assert Inline(page).found == []


def test_what_ended_since_it_told_says_so_and_what_is_not_known_keeps_its_id(shop: Shop, admin_client: Client) -> None:
    succeeded = shop.succeeded()
    tell(shop, starts={succeeded: 1, "gone-long-since": 2})

    first, second = rows(get(admin_client, page_of(shop)))

    assert (first["task"], first["progress"]) == (INVOICE, "Succeeded")
    assert second["task"] == "gone-long-since"
    assert "progress" not in second


def test_how_far_a_job_is_is_told_without_its_message(shop: Shop, viewer: Client) -> None:
    (job_id,) = busy(shop, 1)
    shop.run(shop.worker.beat(News({job_id: 1}, {job_id: (71, 100, "for anna@example.org")})))
    both = client_of("both", "view_worker", "view_job")

    page = get(both, page_of(shop))

    assert rows(page)[0]["progress"] == "71 / 100"
    assert "anna@example.org" not in page


def test_many_are_turned_page_by_page(memory_shop: Shop, admin_client: Client) -> None:
    tell(memory_shop, starts={f"job-{number:03}": number for number in range(1, MANY + 1)})

    first, second, last = (get(admin_client, page_of(memory_shop, p=number)) for number in (1, 2, 3))

    assert [len(rows(page)) for page in (first, second, last)] == [50, 50, 20]
    assert rows(second)[0]["task"] == "job-051"
    assert "1 to 50 of 120 jobs, as it tells" in first
    assert "101 to 120 of 120 jobs, as it tells" in last
    assert (way(first, "previous"), way(first, "next")) == ("", "?p=2")
    assert (way(last, "previous"), way(last, "next")) == ("?p=2", "")


@pytest.mark.parametrize("number", ["0", "99", "-1", "²", "9" * 5000, "<b>"])
def test_a_page_that_is_not_there_is_one_that_is(memory_shop: Shop, admin_client: Client, number: str) -> None:
    tell(memory_shop, starts={"job-1": 1})

    response = admin_client.get(url("change", quote(key(memory_shop))), {"p": number})

    assert len(rows(response.content.decode())) == 1


def test_the_list_leads_there_by_its_name_and_by_what_it_does_not_name(memory_shop: Shop, admin_client: Client) -> None:
    tell(memory_shop, starts={f"job-{number}": number for number in range(10)})
    address = url("change", quote(key(memory_shop)))

    page = unescape(get(admin_client, url()))

    assert f'<a href="{address}">and 7 more</a>' in page
    assert page.count(f'href="{address}"') == 2


def test_it_asks_its_broker_three_times_however_many_it_runs(shop: Shop, admin_client: Client) -> None:
    tell(shop, starts={f"job-{number}": number for number in range(1, MANY)})

    with verbs_counted(shop.broker) as asked:
        get(admin_client, page_of(shop))

    assert sorted(asked) == ["count", "get_many", "workers"]


def test_who_may_not_see_jobs_sees_the_worker_alone(memory_shop: Shop, db: None) -> None:
    (job_id,) = busy(memory_shop, 1)

    page = get(client_of("looker", "view_worker"), page_of(memory_shop))

    assert "web-3" in page
    assert INVOICE not in page
    assert job_id not in page
    assert "formaction" not in page


def test_without_the_right_to_see_workers_there_is_no_page(memory_shop: Shop, viewer: Client) -> None:
    busy(memory_shop, 1)

    assert viewer.get(page_of(memory_shop)).status_code == 403
    assert viewer.post(page_of(memory_shop)).status_code == 403


def test_nothing_is_changed_here(memory_shop: Shop, admin_client: Client) -> None:
    busy(memory_shop, 1)

    assert admin_client.post(page_of(memory_shop), {"name": "another"}).status_code == 403


def test_a_worker_that_has_gone_leads_to_the_list(shop: Shop, admin_client: Client) -> None:
    address = page_of(shop)
    shop.run(shop.broker.leave(shop.worker.epoch))

    response = admin_client.get(address, follow=True)

    assert response.redirect_chain == [(reverse("admin:ardiq_worker_changelist"), 302)]
    assert "There is no worker" in response.content.decode()


def test_another_queue_that_cannot_be_read_is_no_matter_of_it(db: None, admin_client: Client) -> None:
    with declared("redis://localhost:1/0", "memory://") as (down, up):
        broker = get_app(up).broker
        broker.run_sync(broker.register(WorkerCard("e1", "web-3:811")))

        assert "web-3:811" in get(admin_client, url("change", quote(f"{up}:e1")))
        response = admin_client.get(url("change", quote(f"{down}:e1")), follow=True)
        assert f"Queue {down} cannot be read" in response.content.decode()
