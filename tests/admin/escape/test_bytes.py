"""Bytes that are no text, written into Redis by somebody else: what they stand in is shown, and no page fails."""

import redis
from django.test import Client

from tests.admin.conftest import opened
from tests.admin.escape.audit import Audit
from tests.admin.pages import get, list_url
from tests.admin.shop import Shop

NO_TEXT = b"\xff\xfe\x80<xss>"
PAGES = ("", "job/", "queue/", "task/", "worker/", "schedule/")


def test_bytes_that_are_no_text_break_no_page(redis_url: str, db: None, admin_client: Client) -> None:
    with opened(redis_url) as shop:
        spoil(shop, redis.Redis.from_url(redis_url))

        pages = [get(admin_client, f"/admin/ardiq/{page}") for page in PAGES]
        pages += [
            get(admin_client, list_url(queue=shop.queue, state=state)) for state in ("queued", "running", "failed")
        ]

        assert [found for page in pages for found in Audit(page).found] == []
        assert sum("udcff" in page for page in pages) >= 5


def spoil(shop: Shop, client: redis.Redis) -> None:
    """Every key of the queue that lists ids or names gets one that is no text."""
    at = f"ardiq:{{{shop.queue}}}:"
    shop.failed()
    shop.running()
    shop.scheduled()
    shop.put(1)
    stored = client.hvals(f"{at}jobs")[0]
    client.hset(f"{at}jobs", NO_TEXT, stored)
    client.rpush(f"{at}lane:default", NO_TEXT)
    client.hset(f"{at}running", NO_TEXT, NO_TEXT + b".1")
    client.zadd(f"{at}due", {NO_TEXT: 10**13})
    client.zadd(f"{at}retry", {NO_TEXT: 10**13})
    client.zadd(f"{at}ended:failed", {NO_TEXT + b"\n0\n" + NO_TEXT: 10**12})
    client.hset(f"{at}cards", NO_TEXT, NO_TEXT)
    client.zadd(f"{at}workers", {NO_TEXT: 10**13})
    client.hset(f"{at}plans", NO_TEXT, NO_TEXT)
    client.zadd(f"{at}plans:next", {NO_TEXT: 10**13})
    for key in client.scan_iter(f"{at}stat:*"):
        client.hset(key, NO_TEXT, NO_TEXT)
