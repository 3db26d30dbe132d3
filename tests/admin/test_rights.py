"""Who may see what."""

import pytest
from django.test import Client

from tests.admin.pages import get, job_url, list_url
from tests.admin.shop import Shop
from tests.contract import makers

SECRETS = ("anna@example.org", "ConnectionError(", "gateway", "Traceback: no", "log: no", "page 71")


def pages(shop: Shop) -> list[str]:
    """Every page of a job."""
    job_id = shop.put(4711)
    return [list_url(), *(job_url(shop.queue, job_id, page) for page in ("change", "history", "delete")), _add()]


def test_a_stranger_is_sent_to_the_login(shop: Shop, client: Client) -> None:
    for url in pages(shop):
        response = client.get(url)
        assert response.status_code == 302
        assert response["Location"].startswith("/admin/login/")


def test_staff_without_the_right_is_refused(shop: Shop, staff: Client) -> None:
    assert [staff.get(url).status_code for url in pages(shop)] == [403] * 5
    assert "ardiq/job" not in get(staff, "/admin/")


def test_whoever_may_see_jobs_may_only_look(shop: Shop, viewer: Client) -> None:
    assert [viewer.get(url).status_code for url in pages(shop)] == [200, 200, 200, 403, 403]
    assert "ardiq/job" in get(viewer, "/admin/")


@pytest.mark.parametrize("who", ["viewer", "reader", "admin_client"])
def test_nobody_changes_adds_or_deletes(memory_shop: Shop, who: str, request: pytest.FixtureRequest) -> None:
    client: Client = request.getfixturevalue(who)
    job_id = memory_shop.put(4711)

    for url in (_add(), job_url(memory_shop.queue, job_id), job_url(memory_shop.queue, job_id, "delete")):
        assert client.post(url, {"post": "yes", "task": "shop.other"}).status_code == 403
    assert memory_shop.run(memory_shop.broker.get(job_id)) is not None


def test_without_the_right_nothing_that_may_be_personal_is_shown(shop: Shop, viewer: Client, reader: Client) -> None:
    failed = shop.settle(makers.failure(shop.claim(1, "anna@example.org"), "ConnectionError('gateway says 502')"))
    succeeded = shop.succeeded("anna@example.org")
    running = shop.claim(1, "anna@example.org").job.id
    shop.tell_progress(running, 71, 100, "page 71")
    urls = [job_url(shop.queue, job_id) for job_id in (failed, succeeded, running)]

    hidden = "".join(get(viewer, url) for url in urls)
    shown = "".join(get(reader, url) for url in urls)

    assert [secret for secret in SECRETS if secret in hidden] == []
    assert "ValueError" in hidden
    assert [secret for secret in SECRETS if secret.replace("'", "&#x27;") not in shown] == []


def _add() -> str:
    from django.urls import reverse

    return reverse("admin:ardiq_job_add")
