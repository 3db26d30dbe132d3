"""`manage.py ardiq schedules`: listed, and run, cancelled, disabled, enabled by name, on every broker."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError

from ardiq_django import Schedule
from ardiq_django.declared import get_app
from ardiq_django.handles import Task
from tests.admin.conftest import opened
from tests.admin.shop import INVOICE, Shop
from tests.contract.conftest import address
from tests.ring.operating import ardiq, document

__all__ = ["address"]


@pytest.fixture
def shop(address: str) -> Iterator[Shop]:
    """Two queues, the second one without schedules, on each broker."""
    with opened(address) as shop:
        yield shop


def planned(shop: Shop, schedule_id: str = "weekly") -> Schedule:
    task: Task[..., None] = shop.app.ref(INVOICE)
    zone = task.options(schedule_id=schedule_id, timezone="Europe/Vienna")
    return zone.schedule_by_cron_sync("0 7 * * 1", 5)


def test_schedules_are_listed_in_the_order_in_which_they_fire(shop: Shop) -> None:
    shop.app.cron(every=90, name="sweep")(print)
    planned(shop)
    once = shop.app.ref(INVOICE).schedule_by_time_sync(datetime(2090, 1, 1, tzinfo=UTC), 5)
    off = planned(shop, "off")
    off.disable_sync()

    told = document("schedules")

    assert told["total"] == 4
    assert [(one["id"], one["state"], one["fires"]) for one in told["schedules"]] == [
        ("sweep", "in code", "every 1 min 30 s"),
        ("weekly", "enabled", "0 7 * * 1 Europe/Vienna"),
        (once.id, "enabled", "once"),
        ("off", "disabled", "0 7 * * 1 Europe/Vienna"),
    ]
    assert {one["queue"] for one in told["schedules"]} == {shop.queue}
    assert told["schedules"][2]["next"].startswith("20")
    assert told["schedules"][3]["next"] is None
    assert "1 of 4 schedules" in ardiq("schedules", "--limit", "1").said
    assert [one["id"] for one in document("schedules", "--search", "week")["schedules"]] == ["weekly"]
    assert ardiq("schedules", "--queue", shop.other).said.strip() == "0 schedules"


def test_one_that_is_named_is_run_disabled_enabled_and_cancelled(shop: Shop) -> None:
    schedule = planned(shop)

    (run,) = document("schedules", "--run", "weekly")["schedules"]
    ardiq("schedules", "--disable", "weekly")
    disabled = schedule.info_sync()
    ardiq("schedules", "--enable", "weekly")
    enabled = schedule.info_sync()
    code, said = ardiq("schedules", "--cancel", "weekly", "--yes")

    job = shop.run(shop.broker.get(run["job"]))
    assert job is not None
    assert dict(job.job.labels) == {"schedule_id": "weekly"}
    assert disabled is not None
    assert enabled is not None
    assert (disabled.enabled, enabled.enabled) == (False, True)
    assert (code, said.strip()) == (0, f"queue {shop.queue}: cancelled weekly")
    assert schedule.info_sync() is None


def test_an_unknown_one_is_refused(shop: Shop) -> None:
    code, said = ardiq("schedules", "--cancel", "weekly")

    assert code == 1
    assert "refused  weekly  no such schedule, or one in code" in said


def test_nothing_is_done_where_an_id_is_in_two_queues_or_nobody_confirms(shop: Shop) -> None:
    schedule = planned(shop)
    with pytest.raises(CommandError, match="cancel 1 schedule: nobody is here to be asked; say --yes"):
        ardiq("schedules", "--cancel", "weekly")
    other = get_app(shop.other).ref(INVOICE).options(schedule_id="weekly").schedule_by_interval_sync(60)

    with pytest.raises(CommandError, match="schedule 'weekly' stands in several queues"):
        ardiq("schedules", "--cancel", "weekly", "--yes")

    assert schedule.info_sync() is not None
    assert other.info_sync() is not None
    assert ardiq("schedules", "--cancel", "weekly", "--queue", shop.other, "--yes").code == 0


def test_one_that_is_declared_in_code_is_run_disabled_and_enabled_and_not_cancelled(shop: Shop) -> None:
    shop.app.cron(every=90, name="sweep")(print)

    (run,) = document("schedules", "--run", "sweep")["schedules"]
    disabled = ardiq("schedules", "--disable", "sweep")
    (off,) = document("schedules")["schedules"]
    ardiq("schedules", "--enable", "sweep")
    (on,) = document("schedules")["schedules"]
    refused = ardiq("schedules", "--cancel", "sweep", "--yes")

    job = shop.run(shop.broker.get(run["job"]))
    assert job is not None
    assert job.job.task == "sweep"
    assert (disabled.code, disabled.said.strip()) == (0, f"queue {shop.queue}: disabled sweep")
    assert (off["state"], off["next"]) == ("disabled", None)
    assert on["state"] == "in code"
    assert on["next"] is not None
    assert refused.code == 1
    assert "refused  sweep  no such schedule, or one in code" in refused.said
