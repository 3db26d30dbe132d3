"""A schedule that is kept in the broker is changed, and another is added, by a form made from the signature."""

import inspect
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from ardiq_django.planner import ScheduleInfo
from tests.admin.conftest import client_of
from tests.admin.pages import Inline, get
from tests.admin.shop import Shop, invoice
from tests.admin.test_schedules import declare, handle, plan, url

WHEN = {
    "option-kind": "cron",
    "option-spec": "0 4 * * *",
    "option-timezone": "Europe/Vienna",
    "option-misfire": "once",
    "option-coalesce": "on",
    "option-lane": "high",
}
CALL = {"order": "5", "customer": '{"name": "Anna"}', "card": "", "rest": "", "extra": ""}


def told(shop: Shop, key: str) -> ScheduleInfo:
    info = handle(shop, key).info_sync()
    assert info is not None
    return info


def called_with(info: ScheduleInfo) -> dict[str, Any]:
    return inspect.signature(invoice).bind(*info.args, **info.kwargs).arguments


def test_the_page_tells_when_it_fires_next_and_with_what(shop: Shop, admin_client: Client) -> None:
    page = get(admin_client, url("change", plan(shop)))

    assert page.count("<time ") >= 5
    assert "every 5 minutes" in page
    assert "4711" in page
    assert "4711-secret" not in page
    assert "/history/" in page
    assert Inline(page).found == []


def test_what_is_declared_in_code_is_said_to_be_changed_there(shop: Shop, admin_client: Client) -> None:
    key = declare(shop)

    page = get(admin_client, url("change", key))

    assert "Declared in code" in page
    assert 'name="option-spec"' not in page
    assert admin_client.post(url("change", key), WHEN).status_code == 403


def test_a_schedule_is_changed_and_that_is_on_record(shop: Shop, admin_client: Client) -> None:
    key = plan(shop)

    answer = admin_client.post(url("change", key), {**WHEN, **CALL})

    assert answer.status_code == 302, answer.content.decode()
    info = told(shop, key)
    assert (info.spec, info.timezone, info.every_ms) == ("0 4 * * *", "Europe/Vienna", 0)
    assert (info.misfire, info.coalesce, info.priority) == ("once", True, "high")
    assert called_with(info) == {"order": 5, "customer": {"name": "Anna"}, "card": "4711-secret"}
    assert info.enabled
    assert dict(info.labels) == {"schedule_id": "weekly: 5/6"}
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (key, "change")


def test_one_that_is_disabled_stays_so(shop: Shop, admin_client: Client) -> None:
    key = plan(shop)
    handle(shop, key).disable_sync()

    admin_client.post(url("change", key), {**WHEN, **CALL})

    info = told(shop, key)
    assert (info.spec, info.enabled) == ("0 4 * * *", False)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"option-spec": "0 0 31 2 *"}, "never fires"),
        ({"option-spec": "soon"}, "is not valid"),
        ({"option-spec": ""}, "This field is required"),
        ({"option-timezone": "Europe/Atlantis"}, "no time zone"),
        ({"option-timezone": "../../etc/passwd"}, "no time zone"),
        ({"option-kind": "interval", "option-every": "0"}, "at least one millisecond"),
        ({"option-kind": "interval", "option-every": "1e30"}, "at least one millisecond"),
        ({"option-kind": "time", "option-at": "2001-01-01T00:00"}, "This time is over"),
        ({"option-kind": "never"}, "Select a valid choice"),
        ({"option-lane": "nowhere"}, "Select a valid choice"),
        ({"option-misfire": "twice"}, "Select a valid choice"),
        ({"order": "{"}, "This is not JSON"),
        ({"order": ""}, "This field is required"),
        ({"rest": "5"}, "is wanted"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    memory_shop: Shop, admin_client: Client, changed: dict[str, str], error: str
) -> None:
    key = plan(memory_shop)
    before = told(memory_shop, key)

    answer = admin_client.post(url("change", key), {**WHEN, **CALL, **changed})

    assert answer.status_code == 200
    assert error in answer.content.decode()
    assert told(memory_shop, key) == before
    assert not LogEntry.objects.exists()


def test_who_may_not_see_the_payload_changes_the_times_and_keeps_the_arguments(memory_shop: Shop, db: None) -> None:
    key, changer = plan(memory_shop), client_of("changer", "view_schedule", "change_schedule")
    before = told(memory_shop, key)

    page = get(changer, url("change", key))
    answer = changer.post(url("change", key), {**WHEN, **CALL})

    assert "4711" not in page
    assert answer.status_code == 302
    after = told(memory_shop, key)
    assert (after.spec, after.args, after.kwargs) == ("0 4 * * *", before.args, before.kwargs)


def test_a_schedule_is_changed_only_with_the_right(memory_shop: Shop, db: None) -> None:
    key = plan(memory_shop)
    before = told(memory_shop, key)
    looker = client_of("looker", "view_schedule", "run_schedule", "view_job_payload")

    assert looker.post(url("change", key), {**WHEN, **CALL}).status_code == 403
    assert looker.get(url("add")).status_code == 403
    assert looker.post(url("add") + f"?task={memory_shop.queue}:shop.invoice", {**WHEN, **CALL}).status_code == 403
    assert told(memory_shop, key) == before


def test_a_schedule_is_added_for_a_task_that_is_chosen(shop: Shop, admin_client: Client) -> None:
    choice = get(admin_client, url("add"))
    address = f"{url('add')}?task={shop.queue}:shop.invoice"

    page = get(admin_client, address)
    answer = admin_client.post(address, {**WHEN, **CALL, "option-schedule_id": "mine"})

    assert f"?task={shop.queue}:shop.invoice" in choice
    assert 'name="order"' in page
    assert answer.status_code == 302, answer.content.decode()
    info = told(shop, f"{shop.queue}:plan:mine")
    assert (info.spec, info.timezone, info.misfire, info.coalesce) == ("0 4 * * *", "Europe/Vienna", "once", True)
    assert called_with(info) == {"order": 5, "customer": {"name": "Anna"}}
    assert LogEntry.objects.get().change_message == "add"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"option-schedule_id": "weekly: 5/6"}, "with this id already"),
        ({"option-schedule_id": "shop.nightly"}, "in code"),
    ],
)
def test_an_id_that_is_taken_is_refused(
    memory_shop: Shop, admin_client: Client, given: dict[str, Any], error: str
) -> None:
    key = plan(memory_shop)
    declare(memory_shop)
    before = told(memory_shop, key)

    answer = admin_client.post(f"{url('add')}?task={memory_shop.queue}:shop.invoice", {**WHEN, **CALL, **given})

    assert error in answer.content.decode()
    assert told(memory_shop, key) == before


@pytest.mark.parametrize("task", ["os.system", "t-none:shop.invoice", "", ":", ":shop.invoice"])
def test_no_other_function_can_be_scheduled(memory_shop: Shop, admin_client: Client, task: str) -> None:
    answer = admin_client.post(f"{url('add')}?task={task}", {**WHEN, **CALL})

    assert answer.status_code in (200, 404)
    assert memory_shop.run(memory_shop.broker.schedules.page()).total == 0
