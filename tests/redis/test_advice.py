"""What is said of a server that evicts, or that lacks the security fixes of October 2025."""

from typing import Any

import pytest
from pytest_django import Settings
from redis import Redis

from ardiq_django.brokers.redis.advice import advice_of
from ardiq_django.checks import check_servers
from ardiq_django.declared import declared_apps
from tests.redis.user import as_published
from tests.services import RedisServer


@pytest.mark.parametrize(
    ("name", "version", "is_mended"),
    [
        ("redis", "6.2.19", False),
        ("redis", "6.2.20", True),
        ("redis", "7.0.15", False),
        ("redis", "7.2.11", True),
        ("redis", "7.4.5", False),
        ("redis", "8.0.4", True),
        ("redis", "8.2.1", False),
        ("redis", "8.2.2", True),
        ("redis", "8.4.0", True),
        ("valkey", "7.2.10", False),
        ("valkey", "8.0.6", True),
        ("valkey", "8.1.3", False),
        ("valkey", "9.0.0-rc1", True),
    ],
)
def test_a_version_without_the_fixes_is_told(name: str, version: str, is_mended: bool) -> None:
    shown = f"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:{version}\r\n"
    info = shown if name == "valkey" else f"redis_version:{version}\r\n"

    about = [one.about for one in advice_of(info.encode())]

    assert about == ([] if is_mended else ["version"])


def test_who_tells_nothing_is_told_nothing() -> None:
    assert advice_of(None) == advice_of(b"") == []


@pytest.mark.parametrize("policy", ["noeviction", "allkeys-lru", "volatile-ttl"])
def test_a_server_that_evicts_is_warned_of(own_server: RedisServer, settings: Settings, policy: str) -> None:
    client: Any = Redis.from_url(own_server.url)
    client.config_set("maxmemory-policy", policy)
    client.close()
    settings.ARDIQ = {"default": {"BROKER": as_published(own_server.url)}}

    found = [one for one in check_servers() if one.id == "ardiq.W006"]

    assert len(found) == int(policy != "noeviction")
    assert all(policy in one.msg and "noeviction" in str(one.hint) for one in found)
    for app in declared_apps():
        app.broker.run_sync(app.broker.close())
