"""The queues: how each stands, and what may be done to it."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from tests.admin.conftest import client_of
from tests.admin.pages import get
from tests.admin.shop import Shop


def url(page: str = "changelist", *args: str) -> str:
    return reverse(f"admin:ardiq_queue_{page}", args=args)


def test_each_declared_queue_is_a_row(shop: Shop, admin_client: Client) -> None:
    shop.put(1)

    page = get(admin_client, url())

    assert shop.queue in page
    assert shop.other in page
    assert "No worker" in page


def test_a_queue_is_paused_and_resumed_by_a_button_and_that_is_on_record(shop: Shop, admin_client: Client) -> None:
    paused = admin_client.post(url("pause", shop.queue), follow=True)

    assert shop.run(shop.broker.paused())
    assert f"Paused: {shop.queue}" in paused.content.decode()
    entry = LogEntry.objects.get()
    assert (entry.object_id, entry.change_message) == (shop.queue, "pause")

    admin_client.post(url("resume", shop.queue))

    assert not shop.run(shop.broker.paused())


def test_ticked_queues_are_paused_together(shop: Shop, admin_client: Client) -> None:
    admin_client.post(url(), {"action": "pause", "_selected_action": [shop.queue, shop.other]})

    assert shop.run(shop.broker.paused())
    assert LogEntry.objects.count() == 2


def test_a_queue_is_cleared_only_after_a_question(shop: Shop, admin_client: Client) -> None:
    shop.put(1)

    asked = admin_client.post(url("clear", shop.queue))

    assert asked.status_code == 200
    assert shop.run(shop.broker.size()) == 1

    admin_client.post(url("clear", shop.queue), {"confirmed": "yes"})

    assert shop.run(shop.broker.size()) == 0


@pytest.mark.parametrize("deed", ["pause", "resume", "clear"])
def test_nothing_is_done_by_get_or_without_the_right(memory_shop: Shop, admin_client: Client, deed: str) -> None:
    memory_shop.put(1)
    looker = client_of("looker", "view_queue")

    assert admin_client.get(url(deed, memory_shop.queue)).status_code == 405
    assert looker.post(url(deed, memory_shop.queue), {"confirmed": "yes"}).status_code == 403
    assert memory_shop.run(memory_shop.broker.size()) == 1
    assert not memory_shop.run(memory_shop.broker.paused())
    assert not LogEntry.objects.exists()


def test_a_looker_sees_no_buttons(memory_shop: Shop, db: None) -> None:
    page = get(client_of("looker", "view_queue"), url())

    assert "formaction" not in page
    assert 'name="action"' not in page
