"""The shortcuts of the keyboard, as the server tells them: the same on all pages, and only to where one may go."""

import re

import pytest
from django.contrib.admin.utils import quote
from django.test import Client

from tests.admin.conftest import client_of
from tests.admin.pages import Inline, get, list_url
from tests.admin.shop import INVOICE, Shop

ROOT = "/admin/ardiq/"
PLACES = re.compile(r'<a href="([^"]*)" data-key="(\w)">')


def led(page: str) -> dict[str, str]:
    """Where each key leads, after `g`."""
    return {key: address for address, key in PLACES.findall(page)}


def way(page: str, name: str) -> str:
    (found,) = re.findall(rf'data-{name}="([^"]*)"', page)
    return str(found)


@pytest.fixture
def asked(memory_shop: Shop, admin_client: Client) -> dict[str, str]:
    """Pages of every kind."""
    failed = quote(f"{memory_shop.queue}:{memory_shop.failed()}")
    scheduled = quote(f"{memory_shop.queue}:{memory_shop.scheduled()}")
    task = quote(f"{memory_shop.queue}:{INVOICE}")
    ticked = {"action": "retry", "_selected_action": "all", "select_across": "1", "index": "0", "as_of": "0"}
    looks = ["", "job/", "queue/", "task/", "worker/", "schedule/", "schedule/add/"]
    looks += [
        f"job/{failed}/change/",
        f"job/{failed}/history/",
        f"job/{scheduled}/reschedule/",
        f"task/{task}/enqueue/",
    ]
    pages = {look: get(admin_client, ROOT + look) for look in looks}
    pages["one"] = admin_client.post(f"{ROOT}job/{failed}/remove/").content.decode()
    pages["all"] = admin_client.post(f"{list_url(queue=memory_shop.queue)}&state=failed", ticked).content.decode()
    return pages


def test_each_page_lists_them_and_loads_what_obeys_them(asked: dict[str, str]) -> None:
    for name, page in asked.items():
        assert page.count("<dialog") == page.count("data-ardiq-keys-open") == 1, name
        assert page.count("ardiq/keys.js") == page.count("ardiq/above.css") == 1, name
        assert list(led(page)) == ["o", "j", "t", "q", "w", "s"], name
        assert Inline(page).found == [], name


def test_they_lead_only_to_what_the_reader_may_see(memory_shop: Shop) -> None:
    page = get(client_of("looker", "view_worker"), f"{ROOT}worker/")

    assert led(page) == {"o": ROOT, "w": f"{ROOT}worker/"}


def test_the_pages_before_and_after_are_those_of_the_list(memory_shop: Shop, viewer: Client) -> None:
    memory_shop.put_many(120)

    first, second, last = (get(viewer, list_url(state="queued", p=number)) for number in (1, 2, 3))

    assert (way(first, "previous"), way(first, "next")) == ("", "?p=2&amp;state=queued")
    assert (way(second, "previous"), way(second, "next")) == ("?p=1&amp;state=queued", "?p=3&amp;state=queued")
    assert (way(last, "previous"), way(last, "next")) == ("?p=2&amp;state=queued", "")
