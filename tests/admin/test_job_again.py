"""A copy of a job, another time for it, and all of it as JSON: what leads on from a job's page."""

from datetime import datetime, timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.test import Client, override_settings
from django.utils import timezone

from ardiq_django.lineage import BY, PARENT
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot
from tests.admin.conftest import client_of, declared
from tests.admin.pages import get, job_url
from tests.admin.shop import Shop

HOUR = timedelta(hours=1)


def found(shop: Shop, job_id: str) -> Snapshot:
    snapshot = shop.run(shop.broker.get(job_id))
    assert snapshot is not None
    return snapshot


def led_to(location: str) -> str:
    """The id of the job whose page an address is."""
    return unquote(location.strip("/").split("/")[-2]).partition(":")[2]


@pytest.mark.parametrize("state", ["succeeded", "failed", "aborted", "expired"])
def test_a_copy_is_the_same_call_under_an_id_of_its_own(shop: Shop, admin_client: Client, state: str) -> None:
    carried = {"headers": {"language": "de", PARENT: "q:1"}, "labels": {"shop": "berlin"}, "lane": "high"}
    job_id = getattr(shop, state)(**carried)
    old = found(shop, job_id)

    response = admin_client.post(job_url(shop.queue, job_id, "again"))

    new = found(shop, led_to(response["Location"]))
    assert new.job.id != job_id
    assert new.state is State.QUEUED
    assert (new.job.call, new.job.task, new.job.lane, new.job.labels) == (
        old.job.call, old.job.task, "high", {"shop": "berlin"},
    )  # fmt: skip
    assert new.job.headers == {"language": "de", BY: "admin"}
    assert new.expires_ms == 0
    assert found(shop, job_id).state is State(state)


def test_a_copy_is_on_record_with_both_jobs(shop: Shop, admin_client: Client) -> None:
    job_id = shop.failed()

    response = admin_client.post(job_url(shop.queue, job_id, "again"), follow=True)

    copy = led_to(response.redirect_chain[-1][0])
    entries = {entry.object_id: entry.change_message for entry in LogEntry.objects.all()}
    assert entries == {
        f"{shop.queue}:{job_id}": f"run again as a copy: {copy}",
        f"{shop.queue}:{copy}": f"enqueue: copy of {job_id}",
    }
    assert "Enqueued as a copy of shop.invoice" in response.content.decode()


def test_a_unique_job_is_copied_beside_the_one_that_has_its_id(shop: Shop, admin_client: Client) -> None:
    job_id = shop.failed(id="unique:1", token="t", digest="d", unique_for_ms=3_600_000)

    copies = {admin_client.post(job_url(shop.queue, job_id, "again"))["Location"] for _ in range(2)}

    assert len(copies) == 2
    assert all(found(shop, led_to(one)).job.unique_for_ms == 0 for one in copies)


@pytest.mark.parametrize("state", ["scheduled", "retrying", "running"])
def test_a_job_that_has_not_ended_is_not_copied(memory_shop: Shop, admin_client: Client, state: str) -> None:
    job_id = getattr(memory_shop, state)()
    url = job_url(memory_shop.queue, job_id, "again")
    before = memory_shop.run(memory_shop.broker.counts())

    page = admin_client.post(url, follow=True).content.decode()

    assert "Only a job that has ended" in page
    assert url not in get(admin_client, job_url(memory_shop.queue, job_id))
    assert memory_shop.run(memory_shop.broker.counts()) == before


def test_a_job_that_cannot_be_decoded_is_not_copied(shop: Shop, admin_client: Client) -> None:
    job_id = shop.failed(call=b"\xc1 nothing")
    before = shop.run(shop.broker.counts())

    page = admin_client.post(job_url(shop.queue, job_id, "again"), follow=True).content.decode()

    assert "cannot be decoded" in page
    assert shop.run(shop.broker.counts()) == before
    assert not LogEntry.objects.exists()


def test_a_full_queue_takes_no_copy_and_says_so(memory_shop: Shop, admin_client: Client) -> None:
    job_id = memory_shop.failed()
    memory_shop.put(1)
    memory_shop.broker.rules = memory_shop.keep.rules = type(memory_shop.broker.rules)(
        queue=memory_shop.queue, lanes=memory_shop.broker.rules.lanes, max_queue=1
    )
    memory_shop.broker._jobs._rules = memory_shop.broker.rules  # type: ignore[attr-defined]

    page = admin_client.post(job_url(memory_shop.queue, job_id, "again"), follow=True).content.decode()

    assert "is full: the copy was not stored" in page
    assert memory_shop.run(memory_shop.broker.size()) == 1


@pytest.mark.parametrize("state", ["scheduled", "queued", "retrying"])
def test_a_waiting_job_is_given_another_time(shop: Shop, admin_client: Client, state: str) -> None:
    job_id = shop.put(1) if state == "queued" else getattr(shop, state)()
    url = job_url(shop.queue, job_id, "reschedule")
    assert url in get(admin_client, job_url(shop.queue, job_id))
    assert 'type="datetime-local"' in get(admin_client, url)

    response = admin_client.post(url, {"seconds": "7200"})

    assert response["Location"] == job_url(shop.queue, job_id)
    after = found(shop, job_id)
    assert abs(after.due_ms - after.now_ms - 7_200_000) < 60_000
    assert after.state is (State.RETRYING if state == "retrying" else State.SCHEDULED)
    assert LogEntry.objects.get().change_message.startswith("reschedule: ")


@override_settings(USE_TZ=True, TIME_ZONE="Asia/Tokyo")
def test_a_moment_is_meant_in_the_current_time_zone(shop: Shop, admin_client: Client) -> None:
    job_id = shop.scheduled()
    at = (timezone.localtime() + 5 * HOUR).replace(microsecond=0)

    admin_client.post(job_url(shop.queue, job_id, "reschedule"), {"at": f"{at:%Y-%m-%dT%H:%M:%S}"})

    assert found(shop, job_id).due_ms == at.timestamp() * 1000


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"at": "2999-01-01T00:00:00", "seconds": "5"},
        {"seconds": "-1"},
        {"seconds": "soon"},
        {"seconds": "99999999999"},
        {"at": "2001-01-01T00:00:00"},
        {"at": "9999-12-31T23:59:59"},
        {"at": "noon"},
    ],
)
def test_what_is_no_time_changes_nothing(memory_shop: Shop, admin_client: Client, said: dict[str, str]) -> None:
    job_id = memory_shop.scheduled()
    before = found(memory_shop, job_id).due_ms

    response = admin_client.post(job_url(memory_shop.queue, job_id, "reschedule"), said)

    assert response.status_code == 200
    assert "errornote" in response.content.decode()
    assert found(memory_shop, job_id).due_ms == before
    assert not LogEntry.objects.exists()


def test_a_job_that_waits_no_more_is_not_rescheduled(shop: Shop, admin_client: Client) -> None:
    job_id = shop.succeeded()
    url = job_url(shop.queue, job_id, "reschedule")

    response = admin_client.post(url, {"seconds": "5"})

    assert "it is succeeded" in response.content.decode()
    assert url not in get(admin_client, job_url(shop.queue, job_id))


def test_json_says_what_the_page_says(shop: Shop, reader: Client) -> None:
    job_id = shop.failed(kwargs={"card": "4111-1111"}, headers={PARENT: f"{shop.queue}:x", "tenant": "acme"})

    response = reader.get(job_url(shop.queue, job_id, "json"))

    told = response.json()
    assert response["Content-Disposition"] == f'attachment; filename="job-{job_id}.json"'
    assert response["Content-Type"] == "application/json"
    assert (told["id"], told["state"], told["queue"], told["task"]) == (job_id, "failed", shop.queue, "shop.invoice")
    assert told["arguments"] == {"order": "4711", "card": "••••••"}
    assert told["attempts"][0]["traceback"] == "Traceback: no"
    assert told["parent"] == f"{shop.queue}:x"
    assert told["headers"] == {"tenant": "acme"}
    assert told["reason"] == "ConnectionError('gateway says 502')"
    assert datetime.fromisoformat(told["finished"]).utcoffset() == timedelta()


@pytest.mark.parametrize("state", list(State))
def test_json_without_the_right_to_the_payload_holds_none(shop: Shop, viewer: Client, state: State) -> None:
    job_id = shop.put(4711) if state is State.QUEUED else getattr(shop, state)()

    text = viewer.get(job_url(shop.queue, job_id, "json")).content.decode()

    assert state in text
    assert not any(secret in text for secret in ("arguments", "Traceback", "gateway", "4711", "paid", "log: no"))


@pytest.mark.parametrize(("page", "right"), [("again", "enqueue_job"), ("reschedule", "reschedule_job")])
def test_each_needs_its_own_right(memory_shop: Shop, db: None, page: str, right: str) -> None:
    job_id = memory_shop.scheduled() if page == "reschedule" else memory_shop.failed()
    url, sent = job_url(memory_shop.queue, job_id, page), {"seconds": "5"}
    every = {"enqueue_job", "reschedule_job", "retry_job", "abort_job", "delete_job", "view_job_payload"}

    refused = client_of("other", "view_job", *every - {right})
    blind = client_of("blind", right)
    allowed = client_of("allowed", "view_job", right)

    assert refused.post(url, sent).status_code == blind.post(url, sent).status_code == 403
    assert refused.get(url).status_code == (403 if page == "reschedule" else 405)
    assert url not in get(refused, job_url(memory_shop.queue, job_id))
    assert url in get(allowed, job_url(memory_shop.queue, job_id))
    assert allowed.post(url, sent).status_code == 302
    assert Client().post(url, sent)["Location"].startswith("/admin/login/")


def test_json_needs_the_right_to_see_jobs(memory_shop: Shop, staff: Client, viewer: Client) -> None:
    url = job_url(memory_shop.queue, memory_shop.failed(), "json")

    assert staff.get(url).status_code == 403
    assert viewer.get(url).status_code == 200
    assert viewer.post(url).status_code == 405


def test_without_a_token_nothing_is_done(memory_shop: Shop, admin_user: object) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)  # type: ignore[arg-type]
    failed, scheduled = memory_shop.failed(), memory_shop.scheduled()

    assert client.post(job_url(memory_shop.queue, failed, "again")).status_code == 403
    assert client.post(job_url(memory_shop.queue, scheduled, "reschedule"), {"seconds": "1"}).status_code == 403


@pytest.mark.parametrize("page", ["again", "reschedule", "json"])
def test_an_unknown_job_is_not_found(memory_shop: Shop, admin_client: Client, page: str) -> None:
    url = job_url(memory_shop.queue, "nobody", page)

    assert (admin_client.post(url) if page == "again" else admin_client.get(url)).status_code == 404


@pytest.mark.parametrize("page", ["again", "reschedule", "json", "retry", "abort"])
def test_a_broker_that_is_down_is_told_of(admin_client: Client, page: str) -> None:
    with declared("memory://", "redis://127.0.0.1:1/0") as (_, down):
        url = job_url(down, "4711", page)
        response = admin_client.get(url) if page in ("json", "reschedule") else admin_client.post(url)
        shown = admin_client.get(response["Location"]).content.decode()

    assert response.status_code == 302
    assert f"Queue {down} cannot be read" in shown
