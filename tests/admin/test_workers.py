"""The workers: what each is at, and who may let it rest or end."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from ardiq_django.wire import Command, News, Order
from tests.admin.conftest import client_of
from tests.admin.pages import Inline, get, rows
from tests.admin.shop import INVOICE, Shop

NEWS = News(rss_bytes=48 << 20, versions={"Python": "3.13.1", "Django": "6.1", "ardiq-django": "0.1.0"})


def url(page: str = "changelist", *args: str) -> str:
    return reverse(f"admin:ardiq_worker_{page}", args=args)


def key(shop: Shop) -> str:
    return f"{shop.queue}:{shop.worker.epoch}"


def heard(shop: Shop, timeout_s: float = 5.0) -> list[Command]:
    """What the worker was told, as soon as it was told anything."""
    return shop.run(shop.broker.listen(shop.worker.epoch, timeout_s))


def tell(shop: Shop, **news: object) -> None:
    shop.run(shop.worker.beat(News(**{"rss_bytes": NEWS.rss_bytes, "versions": NEWS.versions, **news})))  # type: ignore[arg-type]


def test_each_registered_worker_is_a_row(shop: Shop, admin_client: Client) -> None:
    job_id = shop.running()
    now_ms = shop.run(shop.broker.now_ms())
    tell(shop, starts={job_id: now_ms - 65_000})

    page = get(admin_client, url())

    (row,) = rows(page)
    assert "web-3:811" in row["name"]
    assert row["queue"] == shop.queue
    assert row["mood"] == "Working"
    assert row["slots"].startswith("1 of ")
    assert row["memory"].startswith("48.0")
    assert "6.1" in row["versions"]
    assert f"{INVOICE} 1 min" in row["jobs"]
    assert reverse("admin:ardiq_job_changelist") in page
    assert Inline(page).found == []


@pytest.mark.parametrize(
    ("mood", "word", "buttons"),
    [("", "Idle", {"quiet", "stop"}), ("quiet", "Quiet", {"resume", "stop"}), ("stopping", "Stopping", set())],
)
def test_what_it_says_of_itself_decides_what_can_be_done(
    memory_shop: Shop, admin_client: Client, mood: str, word: str, buttons: set[str]
) -> None:
    tell(memory_shop, mood=mood)

    page = get(admin_client, url())

    assert rows(page)[0]["mood"] == word
    assert {deed for deed in ("quiet", "resume", "stop") if f"/{deed}/" in page} == buttons


def test_a_worker_whose_lease_is_over_is_lost(shop: Shop, admin_client: Client) -> None:
    tell(shop)
    shop.keep.travel(shop.app.options.idle_timeout_ms + 1_000)

    page = get(admin_client, url())

    assert rows(page)[0]["mood"] == "Lost"
    assert "formaction" not in page


def test_what_an_old_worker_tells_is_shown_without_what_it_does_not_tell(shop: Shop, admin_client: Client) -> None:
    shop.run(shop.worker.beat(News(starts={"a": 1})))

    (row,) = rows(get(admin_client, url()))

    assert row["mood"] == "Working"
    assert row["versions"] == "-"
    assert row["memory"] == "-"


@pytest.mark.parametrize(("deed", "order", "mood"), [("quiet", Order.QUIET, ""), ("resume", Order.RESUME, "quiet")])
def test_a_worker_is_told_to_be_quiet_and_to_go_on(
    shop: Shop, admin_client: Client, deed: str, order: Order, mood: str
) -> None:
    tell(shop, mood=mood)

    page = admin_client.post(url(deed, key(shop)), follow=True)

    assert heard(shop) == [Command(order)]
    assert f"web-3:811 ({shop.queue})" in page.content.decode()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (key(shop), deed)


def test_a_worker_is_stopped_only_after_a_question(shop: Shop, admin_client: Client) -> None:
    tell(shop)

    asked = admin_client.post(url("stop", key(shop)))

    assert asked.status_code == 200
    assert "web-3:811" in asked.content.decode()
    assert heard(shop, 0.05) == []

    admin_client.post(url("stop", key(shop)), {"confirmed": "yes"})

    assert heard(shop) == [Command(Order.STOP)]


def test_ticked_workers_are_told_together(shop: Shop, admin_client: Client) -> None:
    tell(shop)

    admin_client.post(url(), {"action": "quiet", "_selected_action": [key(shop)]})

    assert heard(shop) == [Command(Order.QUIET)]
    assert LogEntry.objects.count() == 1


def test_a_worker_that_has_gone_is_not_told(shop: Shop, admin_client: Client) -> None:
    gone = key(shop)
    shop.run(shop.broker.leave(shop.worker.epoch))

    assert admin_client.post(url("quiet", gone)).status_code == 404
    assert not LogEntry.objects.exists()


@pytest.mark.parametrize("deed", ["quiet", "resume", "stop"])
def test_nothing_is_done_by_get_or_without_the_right(memory_shop: Shop, admin_client: Client, deed: str) -> None:
    tell(memory_shop)
    looker = client_of("looker", "view_worker")
    blind = client_of("blind", "stop_worker")

    assert admin_client.get(url(deed, key(memory_shop))).status_code == 405
    assert looker.post(url(deed, key(memory_shop)), {"confirmed": "yes"}).status_code == 403
    assert blind.post(url(deed, key(memory_shop)), {"confirmed": "yes"}).status_code == 403
    assert blind.get(url()).status_code == 403
    assert heard(memory_shop, 0.05) == []
    assert not LogEntry.objects.exists()


def test_who_may_not_see_jobs_sees_none_here(memory_shop: Shop, db: None) -> None:
    job_id = memory_shop.running()
    tell(memory_shop, starts={job_id: 1})

    page = get(client_of("looker", "view_worker"), url())

    assert INVOICE not in page
    assert job_id not in page
    assert "formaction" not in page


def test_many_jobs_of_a_worker_are_not_all_listed(memory_shop: Shop, admin_client: Client) -> None:
    tell(memory_shop, starts={f"job-{number}": number for number in range(10)})

    (row,) = rows(get(admin_client, url()))

    assert "job-2" in row["jobs"]
    assert "job-3" not in row["jobs"]
    assert "and 7 more" in row["jobs"]
