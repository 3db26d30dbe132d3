"""`manage.py ardiq`: what it shows of queues and jobs, on every broker."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError
from pytest_django import Settings

from ardiq_django import clock
from ardiq_django.declared import get_app
from ardiq_django.results import State
from tests.admin.conftest import declared, opened
from tests.admin.shop import HOUR_MS, INVOICE, Shop
from tests.contract import makers
from tests.contract.conftest import address
from tests.ring.operating import ardiq, document, in_a_process
from tests.services import free_port

__all__ = ["address"]


@pytest.fixture
def shop(address: str) -> Iterator[Shop]:
    """Two queues, the second one empty, on each broker."""
    with opened(address) as shop:
        yield shop


def listed(*flags: str) -> list[str]:
    return [job["id"] for job in document("jobs", *flags)["jobs"]]


def test_status_tells_what_is_in_each_queue_and_who_serves_it(shop: Shop) -> None:
    shop.one_of_each()
    shop.keep.travel(30_000)

    code, said = ardiq("status", "--json")
    first, second = document("status")["queues"]

    assert code == 0, said
    assert first["counts"] == {state.value: 1 for state in State}
    assert first["oldest_wait_ms"] >= 30_000
    (worker,) = first["workers"]
    assert (worker["worker"], worker["host"], worker["pid"]) == ("web-3:811", "host", 7)
    assert (worker["slots"], worker["running"], worker["alive"]) == (10, 1, True)
    assert (second["queue"], second["paused"], second["oldest_wait_ms"]) == (shop.other, False, None)
    assert set(second["counts"].values()) == {0}
    for words in (
        f"{shop.queue}  {shop.broker.shown_address}  served",
        "1 queued · 1 scheduled · 1 retrying",
        "1 of 10",
    ):
        assert words in ardiq("status").said


def test_status_ends_with_3_where_jobs_wait_and_nobody_serves_them(shop: Shop) -> None:
    shop.put(1)

    code, said = ardiq("status", "--queue", shop.queue)

    assert code == 3
    assert "nobody serves it" in said
    assert ardiq("status", "--queue", shop.other).code == 0


def test_a_worker_whose_lease_is_over_serves_nobody(shop: Shop) -> None:
    shop.running()
    shop.put(1)
    assert ardiq("status").code == 0

    shop.keep.travel(HOUR_MS)

    code, said = ardiq("status", "--queue", shop.queue)
    assert code == 3
    assert "lost: its lease ended" in said
    assert document("status")["queues"][0]["workers"][0]["alive"] is False


def test_a_broker_that_is_away_hides_neither_the_other_queues_nor_shows_its_password() -> None:
    with declared(f"redis://:secret@127.0.0.1:{free_port()}/0", "memory://") as (away, here):
        code, said = ardiq("status")

        assert code == 1
        assert f"{away}  redis://:***@127.0.0.1" in said
        assert "cannot be read" in said
        assert f"{here}  memory://  no worker" in said
        assert "secret" not in said + ardiq("status", "--json").said
        with pytest.raises(CommandError, match=f"queue '{away}': Redis at redis://:.* cannot be used"):
            ardiq("jobs")


def test_jobs_come_newest_first_and_tell_why_they_failed(shop: Shop) -> None:
    now_ms = clock.now_ms()
    done = shop.settle(makers.success(shop.claim(1), finish_ms=now_ms - 2_000))
    failed = shop.settle(makers.failure(shop.claim(2), "ConnectionError('gateway says 502')", finish_ms=now_ms - 1_000))
    retrying = shop.retrying()

    found = document("jobs")
    said = ardiq("jobs").said

    assert [job["id"] for job in found["jobs"]] == [retrying, failed, done]
    assert (found["total"], found["capped"]) == (3, False)
    assert [job["state"] for job in found["jobs"]] == ["retrying", "failed", "succeeded"]
    assert [job["error"] for job in found["jobs"]] == ["ValueError: no", "ConnectionError('gateway says 502')", ""]
    assert {(job["queue"], job["task"], job["tries"], job["lane"]) for job in found["jobs"]} == {
        (shop.queue, INVOICE, 1, "default")
    }
    lines = said.splitlines()
    assert lines[0].split() == ["queue", "id", "state", "tries", "when", "took", "task"]
    assert [line.split()[1] for line in lines if INVOICE in line] == [retrying, failed, done]
    assert "    ConnectionError('gateway says 502')" in lines
    assert lines[-1] == "3 jobs"


def test_jobs_never_show_what_they_carry(shop: Shop) -> None:
    shop.succeeded("a result")
    shop.put("an argument", kwargs={"card": "4111"})

    said = ardiq("jobs").said + ardiq("jobs", "--json").said

    assert not re.search("argument|4111|a result", said)


def test_jobs_are_found_by_state_task_text_and_time(shop: Shop) -> None:
    waiting, later = shop.put(1, task="shop.mail"), shop.scheduled(id="parcel-7")
    aborted = shop.aborted(id="parcel-8")
    now = datetime.now(UTC)

    assert set(listed()) == {waiting, later, aborted}
    assert listed("--state", "queued") == [waiting]
    assert set(listed("--state", "queued", "--state", "aborted")) == {waiting, aborted}
    assert listed("--task", "shop.mail") == [waiting]
    assert set(listed("--search", "PARCEL")) == {later, aborted}
    assert set(listed("--since", "1h")) == {waiting, later, aborted}
    assert listed("--until", "1h") == []
    assert listed("--since", (now + timedelta(minutes=30)).isoformat()) == [later]
    assert set(listed("--until", (now + timedelta(minutes=30)).replace(tzinfo=None).isoformat())) == {waiting, aborted}
    assert listed("--queue", shop.other) == []


def test_a_limit_cuts_the_list_and_not_the_total(shop: Shop) -> None:
    shop.put_many(5)

    found = document("jobs", "--limit", "2")

    assert (len(found["jobs"]), found["total"]) == (2, 5)
    assert ardiq("jobs", "--limit", "2").said.endswith("2 of 5 jobs\n")


def test_what_a_terminal_would_obey_is_not_written_to_it(shop: Shop) -> None:
    shop.put(1, task="shop.\x1b[2J")

    assert "\x1b" not in ardiq("jobs").said


def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(shop: Shop) -> None:
    shop.put(1)

    told = document("pause", "--queue", shop.queue)
    again = ardiq("pause").said

    assert told == {"queues": [{"queue": shop.queue, "paused": True, "changed": True}]}
    assert f"queue {shop.queue} is paused: nothing is handed out until `resume` (it was so before)" in again
    assert "paused" in ardiq("status", "--queue", shop.queue).said
    assert shop.run(shop.worker.claim()) == []
    assert [one["changed"] for one in document("resume")["queues"]] == [True, True]
    assert len(shop.run(shop.worker.claim())) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["jobs", "--queue", "nope"], "queue 'nope' is not declared in the setting ARDIQ; declared: t-"),
        (["jobs", "--state", "nope"], "invalid choice: 'nope' (choose from "),
        (["jobs", "--since", "yesterday"], "'yesterday' is no time: give 30m, 1h, 2d"),
        (["jobs", "--since", "2026-02-31"], "'2026-02-31' is no time"),
        (["jobs", "--limit", "0"], "0 is not above 0"),
        (["dance"], "invalid choice: 'dance' (choose from "),
    ],
)
def test_what_cannot_be_understood_is_one_sentence(arguments: list[str], sentence: str) -> None:
    with declared("memory://"), pytest.raises(CommandError, match=re.escape(sentence)):
        ardiq(*arguments)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", ["sqlite", "redis"])
def test_a_process_of_its_own_tells_the_same(request: pytest.FixtureRequest, settings: Settings, broker: str) -> None:
    at = "database://default" if broker == "sqlite" else str(request.getfixturevalue("clean_redis_url"))
    settings.ARDIQ = {"default": {"BROKER": at}}
    app = get_app()
    job = app.ref("shop.mail").enqueue_sync("an argument")

    code, said, errors = in_a_process(settings.ARDIQ, "jobs", "--json", "--settings", "tests.ring.worker_settings")
    unserved, shown, _ = in_a_process(settings.ARDIQ, "status", "--no-color")

    app.broker.run_sync(app.broker.close())
    assert (code, errors) == (0, "")
    assert f'"id": "{job.id}"' in said
    assert unserved == 3
    assert "1 queued · 0 scheduled" in shown
