"""`cache://alias` in the setting: the Redis of that cache, as Django or django-redis reach it."""

from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

import pytest
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from pytest_django import Settings
from redis import Redis

from ardiq_django import get_app
from ardiq_django.checks import check_ardiq
from ardiq_django.conf import address_of_cache
from tests.engine.house import House, end_of
from tests.services import RedisServer

DJANGO = "django.core.cache.backends.redis.RedisCache"
DJANGO_REDIS = "django_redis.cache.RedisCache"
SECRET = "o/p?e@n:s#e%s&a=me"
QUOTED = quote(SECRET, safe="")


class OurCache(RedisCache):
    """A project's own kind of cache."""


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    made = RedisServer("--requirepass", SECRET)
    made.start()
    yield made
    made.stop()


def caches_on(server: RedisServer) -> dict[str, dict[str, Any]]:
    plain, whole = f"redis://127.0.0.1:{server.port}", f"redis://:{QUOTED}@127.0.0.1:{server.port}/3?socket_timeout=5"
    pool = {"max_connections": 9, "db": 3}
    return {
        "url": {"BACKEND": DJANGO, "LOCATION": whole},
        "list": {"BACKEND": DJANGO, "LOCATION": [whole, "redis://replica:6379"]},
        "commas": {"BACKEND": DJANGO, "LOCATION": f"{whole},redis://replica:6379"},
        "options": {"BACKEND": DJANGO, "LOCATION": plain, "OPTIONS": {"db": 3, "password": SECRET}},
        "own": {"BACKEND": f"{__name__}.OurCache", "LOCATION": f"{plain}/3", "OPTIONS": {"db": 5, "password": SECRET}},
        "redis-url": {"BACKEND": DJANGO_REDIS, "LOCATION": whole},
        "redis-options": {
            "BACKEND": DJANGO_REDIS,
            "LOCATION": [plain],
            "OPTIONS": {"PASSWORD": SECRET, "SOCKET_TIMEOUT": 3, "CONNECTION_POOL_KWARGS": pool},
        },
    }


@pytest.mark.parametrize("alias", ["url", "list", "commas", "options", "own", "redis-url", "redis-options"])
async def test_jobs_live_where_the_cache_lives(settings: Settings, server: RedisServer, alias: str) -> None:
    settings.CACHES = caches_on(server)
    settings.ARDIQ = {"default": {"BROKER": f"cache://{alias}"}}
    with closing(Redis(port=server.port, db=3, password=SECRET)) as client:
        client.flushall()
    assert check_ardiq() == []
    house = House(get_app().address)
    app = house.app()
    echo = app.task(name="echo")(lambda text: text)

    await house.in_thread(lambda: caches[alias].set("known", "yes"))
    async with house.working(app):
        assert (await end_of(await echo.enqueue("hello"))).value == "hello"
        with closing(Redis(port=server.port, db=3, password=SECRET)) as client:
            kinds = {key.partition(b"{")[0] for key in client.scan_iter("*")}
            assert list(client.info("keyspace")) == ["db3"]

    assert kinds == {b":1:known", b"ardiq:"}
    await house.close()


@pytest.mark.parametrize(
    ("cache", "address"),
    [
        ({"BACKEND": DJANGO, "LOCATION": "redis://h:1/2?ssl_x=1"}, "redis://h:1/2"),
        (
            {"BACKEND": DJANGO, "LOCATION": "redis://u:p@h", "OPTIONS": {"username": "o", "password": "q"}},
            "redis://u:p@h",
        ),
        (
            {"BACKEND": DJANGO, "LOCATION": "rediss://h", "OPTIONS": {"ssl_cert_reqs": None, "ssl_ca_certs": "/a b"}},
            "rediss://h?ssl_ca_certs=%2Fa%20b&ssl_cert_reqs=none",
        ),
        ({"BACKEND": DJANGO, "LOCATION": "unix:///s?db=1", "OPTIONS": {"db": 2}}, "unix:///s?db=1"),
        ({"BACKEND": DJANGO_REDIS, "LOCATION": "unix:///s", "OPTIONS": {"db": 2}}, "unix:///s?db=2"),
    ],
)
def test_the_url_counts_before_the_options(settings: Settings, cache: dict[str, Any], address: str) -> None:
    settings.CACHES = {"default": cache}

    assert address_of_cache("default") == address


@pytest.mark.parametrize(
    ("alias", "sentence"),
    [
        ("nope", "cache://nope names no cache of CACHES; there are: memory, broken, watched, wrong"),
        ("memory", "cache://memory is django.core.cache.backends.locmem.LocMemCache, and no cache in Redis"),
        ("broken", "'no.such.Cache', a BACKEND of CACHES, cannot be imported"),
        ("watched", "cache://watched is behind sentinels: write redis+sentinel://"),
        ("wrong", "broker address 'redis://:***@h:port': a host is"),
    ],
)
def test_a_cache_that_does_not_serve_is_told_by_the_system_check(settings: Settings, alias: str, sentence: str) -> None:
    settings.CACHES = {
        "memory": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
        "broken": {"BACKEND": "no.such.Cache"},
        "watched": {"BACKEND": DJANGO_REDIS, "LOCATION": "redis://jobs/0", "OPTIONS": {"SENTINELS": [("h", 26379)]}},
        "wrong": {"BACKEND": DJANGO, "LOCATION": "redis://:secret@h:port"},
    }
    settings.ARDIQ = {"default": {"BROKER": f"cache://{alias}"}}

    (message,) = check_ardiq()

    assert message.id == "ardiq.E003"
    assert sentence in message.msg
    assert "secret" not in message.msg
