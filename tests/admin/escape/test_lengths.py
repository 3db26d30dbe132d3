"""Texts that are very long, and texts that no encoding takes."""

from collections.abc import Callable
from contextlib import suppress

from django.test import Client

from ardiq_django.exceptions import ArdiqError
from ardiq_django.results import Attempt
from tests.admin.escape.audit import Audit
from tests.admin.escape.shop import HostileShop
from tests.admin.escape.texts import BROKEN, LONG
from tests.admin.pages import get, job_url, list_url
from tests.admin.shop import Shop

PAGES = ("", "job/", "queue/", "task/", "worker/", "schedule/")
BYTES_OF_A_LIST = 10 * len(LONG)


def test_a_text_of_100_kb_breaks_no_page_and_fills_no_list(shop: Shop, admin_client: Client) -> None:
    hostile = HostileShop(shop)
    made = hostile.fill(LONG)
    hostile.report()

    lists = [get(admin_client, f"/admin/ardiq/{page}") for page in PAGES]
    pages = [get(admin_client, job_url(shop.queue, job_id)) for job_id in made]

    assert [found for page in [*lists, *pages] for found in Audit(page).found] == []
    assert {name: len(page) for name, page in zip(PAGES, lists, strict=True) if len(page) > BYTES_OF_A_LIST} == {}
    assert get(admin_client, list_url(queue=shop.queue, q=LONG[:20_000]))


def test_what_no_encoding_takes_is_refused_or_shown_as_escapes(shop: Shop, admin_client: Client) -> None:
    attempt = Attempt(1, "failed", 5, 6, "w", BROKEN, BROKEN, BROKEN, BROKEN)
    puts: list[Callable[[], object]] = [
        lambda: shop.put(1, BROKEN),
        lambda: shop.put(1, labels={BROKEN: BROKEN}),
        lambda: HostileShop(shop).schedule(BROKEN),
        lambda: shop.failed_with(attempt, BROKEN),
    ]
    for put in puts:
        with suppress(ArdiqError, ValueError):
            put()

    for page in PAGES:
        assert Audit(get(admin_client, f"/admin/ardiq/{page}")).found == []
