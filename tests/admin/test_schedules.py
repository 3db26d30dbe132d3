"""The schedules: when each fires and what came of it, and who may switch, run and cancel them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import quote
from django.test import Client
from django.urls import reverse

from ardiq_django.handles import BoundTask, Task
from ardiq_django.planner import Schedule
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.wire import Occurrence
from tests.admin.conftest import client_of
from tests.admin.pages import Inline, get, rows
from tests.admin.shop import INVOICE, Shop

NIGHTLY = "shop.nightly"
DEEDS = ("run", "disable", "enable", "cancel")


def url(page: str = "changelist", *args: str) -> str:
    return reverse(f"admin:ardiq_schedule_{page}", args=[quote(arg) for arg in args])


def declare(shop: Shop) -> str:
    """A schedule in code; its key."""
    shop.app.cron("0 3 * * 1", timezone="Europe/Berlin", name=NIGHTLY)(lambda: None)
    return f"{shop.queue}:code:{NIGHTLY}"


def invoice(shop: Shop, schedule_id: str) -> BoundTask[..., None]:
    """The task, to be scheduled at once although a test is a transaction."""
    task: Task[..., None] = shop.app.ref(INVOICE)
    return task.options(schedule_id=schedule_id, enqueue_on_commit="never")


def plan(shop: Shop, schedule_id: str = "weekly: 5/6") -> str:
    """A schedule in the broker; its key."""
    invoice(shop, schedule_id).schedule_by_interval_sync(300, 4711, card="4711-secret")
    return f"{shop.queue}:plan:{schedule_id}"


def handle(shop: Shop, key: str) -> Schedule:
    return shop.app.schedule(key.split(":", 2)[2])


def is_enabled(shop: Shop, key: str) -> bool:
    if ":code:" in key:
        return shop.run(shop.broker.schedules.standings([NIGHTLY]))[NIGHTLY].is_enabled
    info = handle(shop, key).info_sync()
    assert info is not None
    return info.enabled


def tasks_waiting(shop: Shop) -> list[str]:
    return [row.job.task for row in shop.run(shop.broker.page(Query(states=(State.QUEUED,)))).rows]


def test_each_schedule_is_a_row_that_tells_in_words_when_it_fires(shop: Shop, admin_client: Client) -> None:
    declare(shop)
    plan(shop)
    invoice(shop, "off").schedule_by_cron_sync("1-59/7 * * * *", 1)
    shop.app.schedule("off").disable_sync()
    later = datetime.now(UTC) + timedelta(days=3)
    invoice(shop, "later").schedule_by_time_sync(later, 1)

    page = get(admin_client, url())

    found = {row["name"].split()[0]: row for row in rows(page)}
    assert set(found) == {NIGHTLY, "weekly:", "off", "later"}
    assert found[NIGHTLY]["fires"] == "at 03:00 every Monday (Europe/Berlin)"
    assert found[NIGHTLY]["name"].endswith("declared in code")
    assert found["weekly:"]["fires"] == "every 5 minutes"
    assert found["weekly:"]["condition"] == "Enabled"
    assert re.search(r"\d:\d\d:00 in (\d min )?[\d.]+ s", found["weekly:"]["next_run"])
    assert (found["off"]["fires"], found["off"]["condition"]) == ("1-59/7 * * * * (UTC)", "Disabled")
    assert found["off"]["next_run"] == "-"
    assert found["later"]["fires"] == "once"
    assert "in 2 d 23 h" in found["later"]["next_run"]
    assert Inline(page).found == []


def test_looking_changes_nothing_in_the_broker(shop: Shop, admin_client: Client) -> None:
    key = declare(shop)

    get(admin_client, url())
    get(admin_client, url("change", key))
    get(admin_client, reverse("admin:app_list", args=["ardiq"]))

    assert shop.run(shop.broker.schedules.standings([NIGHTLY]))[NIGHTLY].mark_ms == 0


def test_the_last_run_is_told_with_what_became_of_its_job(shop: Shop, admin_client: Client) -> None:
    declare(shop)
    mark = shop.run(shop.broker.watermarks([NIGHTLY]))[NIGHTLY]
    fire_ms = mark + 1_000
    job = shop.keep.job(id=f"cron:{NIGHTLY}:{fire_ms}", task=NIGHTLY)
    shop.run(shop.broker.stage([Occurrence(NIGHTLY, fire_ms, job)]))

    page = get(admin_client, url())

    assert "Queued" in rows(page)[0]["last_run"]
    assert reverse("admin:ardiq_job_change", args=[quote(f"{shop.queue}:{job.id}")]) in page
    shop.run(shop.broker.delete([job.id]))
    assert "no longer kept" in rows(get(admin_client, url()))[0]["last_run"]
    looked = get(client_of("looker", "view_schedule"), url())
    assert "no longer kept" not in looked
    assert job.id not in looked


def test_one_that_was_due_and_did_not_fire_is_missed_and_an_alarm(shop: Shop, admin_client: Client) -> None:
    declare(shop)
    shop.run(shop.broker.watermarks([NIGHTLY]))
    key = plan(shop)
    overview = reverse("admin:app_list", args=["ardiq"])
    assert "should have fired" not in get(admin_client, overview)

    handle(shop, key).disable_sync()
    shop.run(shop.broker.schedules.replan("weekly: 5/6", 1, shop.run(shop.broker.now_ms()) - 120_000))

    assert rows(get(admin_client, url()))[0]["condition"] == "Missed"
    page = get(admin_client, overview)
    assert "weekly: 5/6" in page
    assert "should have fired" in page


def test_one_in_code_whose_mark_is_old_is_missed(memory_shop: Shop, admin_client: Client) -> None:
    memory_shop.app.cron(every=60, name=NIGHTLY)(lambda: None)
    memory_shop.keep.travel(-600_000)
    memory_shop.run(memory_shop.broker.watermarks([NIGHTLY]))
    memory_shop.keep.travel(600_000)

    assert rows(get(admin_client, url()))[0]["condition"] == "Missed"
    assert NIGHTLY in get(admin_client, reverse("admin:app_list", args=["ardiq"]))


@pytest.mark.parametrize("kind", ["code", "plan"])
def test_a_schedule_is_run_disabled_and_enabled_by_a_button_and_that_is_on_record(
    shop: Shop, admin_client: Client, kind: str, django_capture_on_commit_callbacks: Any
) -> None:
    key = declare(shop) if kind == "code" else plan(shop)

    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(url("run", key))
    disabled = admin_client.post(url("disable", key), follow=True)

    assert tasks_waiting(shop) == [NIGHTLY if kind == "code" else INVOICE]
    assert not is_enabled(shop, key)
    assert f"Disabled: {key.split(':', 2)[2]}" in disabled.content.decode()
    admin_client.post(url("enable", key))
    assert is_enabled(shop, key)
    entries = LogEntry.objects.order_by("pk").values_list("object_id", "change_message")
    assert list(entries) == [(key, "run"), (key, "disable"), (key, "enable")]


def test_a_schedule_is_cancelled_only_after_a_question(shop: Shop, admin_client: Client) -> None:
    key = plan(shop)

    asked = admin_client.post(url("cancel", key))

    assert asked.status_code == 200
    assert handle(shop, key).info_sync() is not None

    admin_client.post(url("cancel", key), {"confirmed": "yes"})

    assert handle(shop, key).info_sync() is None


def test_what_is_declared_in_code_is_not_cancelled(memory_shop: Shop, admin_client: Client) -> None:
    code, planned = declare(memory_shop), plan(memory_shop)

    page = admin_client.post(
        url(), {"action": "cancel", "_selected_action": [code, planned], "confirmed": "yes"}, follow=True
    ).content.decode()

    assert "declared in code, and is removed there" in page
    assert LogEntry.objects.get().object_id == planned


@pytest.mark.parametrize("kind", ["code", "plan"])
@pytest.mark.parametrize("deed", DEEDS)
def test_nothing_is_done_by_get_or_without_the_right(
    memory_shop: Shop, admin_client: Client, deed: str, kind: str
) -> None:
    key = declare(memory_shop) if kind == "code" else plan(memory_shop)
    other = {"run": "change_schedule"}.get(deed, "run_schedule")
    looker = client_of("looker", "view_schedule", other)
    blind = client_of("blind", "run_schedule")

    assert admin_client.get(url(deed, key)).status_code == 405
    assert looker.post(url(deed, key), {"confirmed": "yes"}).status_code == 403
    assert blind.post(url(deed, key), {"confirmed": "yes"}).status_code == 403
    assert blind.get(url()).status_code == 403
    assert blind.get(url("change", key)).status_code == 403
    assert is_enabled(memory_shop, key)
    assert tasks_waiting(memory_shop) == []
    assert not LogEntry.objects.exists()


def test_a_looker_sees_no_buttons_and_no_form(memory_shop: Shop, db: None) -> None:
    key, looker = plan(memory_shop), client_of("looker", "view_schedule")

    assert "formaction" not in get(looker, url())
    page = get(looker, url("change", key))
    assert "formaction" not in page
    assert 'name="option-spec"' not in page
    assert "4711" not in page


def test_what_may_change_on_its_page_is_fetched_again_and_what_is_typed_stays(
    memory_shop: Shop, admin_client: Client
) -> None:
    page = get(admin_client, url("change", plan(memory_shop)))

    assert "data-ardiq-live" in page
    assert set(re.findall(r'data-live="(\w+)"', page)) == {"totals", "deeds", "facts", "next"}
    assert "data-live" not in page.split('name="option-spec"')[1]


def test_the_broker_looks_for_what_is_searched(shop: Shop, admin_client: Client) -> None:
    declare(shop)
    plan(shop)

    assert [row["name"].split()[0] for row in rows(get(admin_client, url() + "?q=week+5"))] == ["weekly:"]
    assert [row["name"].split()[0] for row in rows(get(admin_client, url() + "?q=NIGHT"))] == [NIGHTLY]
    assert rows(get(admin_client, f"{url()}?queue={shop.other}")) == []
    assert f"?queue={shop.other}" in get(admin_client, url())


def test_more_than_are_listed_are_counted(
    memory_shop: Shop, admin_client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.dashboard.schedules.schedule.PLANS", 2)
    for number in range(5):
        plan(memory_shop, f"s{number}")

    page = get(admin_client, url())

    assert len(rows(page)) == 2
    assert "3 more schedules fire later" in page
    assert "s4" in get(admin_client, url("change", f"{memory_shop.queue}:plan:s4"))


def test_one_that_is_gone_leads_back_to_the_list(memory_shop: Shop, admin_client: Client) -> None:
    gone = f"{memory_shop.queue}:plan:gone"

    assert admin_client.get(url("change", gone)).status_code == 302
    assert admin_client.post(url("run", gone)).status_code == 404
    assert admin_client.get(url("change", "nonsense")).status_code == 302
