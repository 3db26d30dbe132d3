"""What can be done to jobs: by the table of states, with the right, by POST, on record."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from ardiq_django.results import State
from tests.admin.conftest import client_of
from tests.admin.pages import get, job_url, list_url
from tests.admin.shop import Shop

RIGHTS = {"retry": "retry_job", "run-now": "reschedule_job", "abort": "abort_job", "remove": "delete_job"}
OFFERED = {
    "scheduled": {"run-now", "abort", "remove"},
    "queued": {"abort", "remove"},
    "running": {"abort"},
    "retrying": {"run-now", "abort", "remove"},
    "succeeded": {"remove"},
    "failed": {"retry", "remove"},
}


def made(shop: Shop, state: str) -> str:
    job_id: str = shop.put(4711) if state == "queued" else getattr(shop, state)()
    return job_id


def act(client: Client, shop: Shop, job_id: str, deed: str, **sent: str) -> str:
    response = client.post(job_url(shop.queue, job_id, deed), {"confirmed": "yes", **sent}, follow=True)
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("state", OFFERED)
def test_a_job_offers_what_its_state_allows(shop: Shop, admin_client: Client, state: str) -> None:
    job_id = made(shop, state)

    page = get(admin_client, job_url(shop.queue, job_id))

    assert {deed for deed in RIGHTS if f'{job_url(shop.queue, job_id, deed)}"' in page} == OFFERED[state]


@pytest.mark.parametrize(
    ("state", "deed", "after"),
    [
        ("failed", "retry", State.QUEUED),
        ("scheduled", "run-now", State.QUEUED),
        ("retrying", "run-now", State.QUEUED),
        ("queued", "abort", State.ABORTED),
        ("scheduled", "abort", State.ABORTED),
        ("succeeded", "remove", None),
        ("queued", "remove", None),
    ],
)
def test_what_is_done_is_done_and_on_record(
    shop: Shop, admin_client: Client, state: str, deed: str, after: State | None
) -> None:
    job_id = made(shop, state)

    act(admin_client, shop, job_id, deed)
    shop.run(shop.worker.exchange())  # promotes what is due

    found = shop.run(shop.broker.get(job_id))
    assert (found.state if found else None) == after
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (f"{shop.queue}:{job_id}", deed)


def test_what_cannot_be_done_names_the_job_and_the_reason(shop: Shop, admin_client: Client) -> None:
    job_id = shop.succeeded()

    page = act(admin_client, shop, job_id, "retry")

    assert "Not done: shop.invoice" in page
    assert "it is succeeded" in page
    assert not LogEntry.objects.exists()


def test_of_ticked_jobs_those_that_can_be_are_retried_and_the_others_named(shop: Shop, admin_client: Client) -> None:
    failed, succeeded = shop.failed(), shop.succeeded()
    ticked = [f"{shop.queue}:{job_id}" for job_id in (failed, succeeded)]

    page = admin_client.post(list_url(), {"action": "retry", "_selected_action": ticked}, follow=True).content.decode()

    assert "Queued again: shop.invoice" in page
    assert "it is succeeded" in page
    found = shop.run(shop.broker.get(failed))
    assert found is not None
    assert found.state is State.QUEUED


@pytest.mark.parametrize("deed", RIGHTS)
def test_each_needs_its_own_right(memory_shop: Shop, db: None, deed: str) -> None:
    job_id = made(memory_shop, next(state for state in OFFERED if deed in OFFERED[state]))
    others = [right for right in RIGHTS.values() if right != RIGHTS[deed]]
    url, before = job_url(memory_shop.queue, job_id, deed), memory_shop.run(memory_shop.broker.get(job_id))

    refused = client_of("other", "view_job", *others)
    blind = client_of("blind", RIGHTS[deed])
    allowed = client_of("allowed", "view_job", RIGHTS[deed])

    assert refused.post(url, {"confirmed": "yes"}).status_code == 403
    assert blind.post(url, {"confirmed": "yes"}).status_code == 403
    assert url not in get(refused, job_url(memory_shop.queue, job_id))
    after = memory_shop.run(memory_shop.broker.get(job_id))
    assert before is not None
    assert after is not None
    assert after.state is before.state
    assert allowed.get(url).status_code == 405
    assert allowed.post(url, {"confirmed": "yes"}).status_code == 302


@pytest.mark.parametrize("deed", ["abort", "remove"])
def test_a_grave_one_is_asked_about(memory_shop: Shop, admin_client: Client, deed: str) -> None:
    job_id = memory_shop.put(1)

    asked = admin_client.post(job_url(memory_shop.queue, job_id, deed))

    assert "Are you sure?" in asked.content.decode()
    found = memory_shop.run(memory_shop.broker.get(job_id))
    assert found is not None
    assert found.state is State.QUEUED


def test_ticked_jobs_are_aborted_after_one_question_for_all(memory_shop: Shop, admin_client: Client) -> None:
    ids = [memory_shop.put(1), memory_shop.put(2)]
    sent = {"action": "abort", "_selected_action": [f"{memory_shop.queue}:{job_id}" for job_id in ids]}

    asked = admin_client.post(list_url(), sent).content.decode()
    admin_client.post(list_url(), {**sent, "confirmed": "yes"})

    assert all(job_id[8:20] in asked for job_id in ids)
    assert memory_shop.run(memory_shop.broker.counts())[State.ABORTED] == 2
    assert LogEntry.objects.count() == 2


def test_a_way_back_leads_nowhere_else(memory_shop: Shop, admin_client: Client) -> None:
    url = job_url(memory_shop.queue, memory_shop.failed(), "retry")

    assert admin_client.post(url, {"next": "https://evil.example/"})["Location"] == list_url()


def test_an_unknown_job_is_not_found(memory_shop: Shop, admin_client: Client) -> None:
    assert admin_client.post(job_url(memory_shop.queue, "nobody", "retry")).status_code == 404
