"""What an address of a Redis may be: with TLS, through a socket, as a user, by the alias of a cache; and wrong ones."""

from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from redis import Redis

from ardiq_django import Ardiq
from ardiq_django.brokers.redis.address import Node, parse
from ardiq_django.exceptions import ConfigError
from ardiq_django.validation import masked
from tests.redis.callers import check, trouble_at
from tests.services import RedisServer

SECRET = "o/p?e@n:s#e%s&a=me"


async def test_a_socket_with_a_database_and_a_password(tmp_path: Path) -> None:
    path = tmp_path / "of redis.sock"
    server = RedisServer("--unixsocket", str(path), "--requirepass", SECRET)
    server.start()

    await check(f"unix://{quote(str(path))}?db=1&password={quote(SECRET, safe='')}")
    await check(f"unix://:{quote(SECRET, safe='')}@{quote(str(path))}?db=1")

    with closing(Redis(unix_socket_path=str(path), password=SECRET)) as client:
        assert list(client.info("keyspace")) == ["db1"]
    server.stop()


class TestAUser:
    """As the settings page describes one: nothing but our keys and channels."""

    @pytest.fixture
    def user(self, own_server: RedisServer) -> str:
        client: Any = Redis(port=own_server.port)
        with closing(client):
            client.execute_command(
                "ACL", "SETUSER", "worker", "on", f">{SECRET}", "+@all", "~ardiq:*", "resetchannels", "&ardiq:*"
            )
            client.execute_command("ACL", "SETUSER", "default", "off")
        return f"127.0.0.1:{own_server.port}"

    async def test_jobs_run(self, user: str) -> None:
        await check(f"redis://worker:{quote(SECRET, safe='')}@{user}/0")
        await check(f"redis://{user}?username=worker&password={quote(SECRET, safe='')}")

    @pytest.mark.parametrize("who", ["worker:guessed@", "other:guessed@", ":guessed@", ""])
    async def test_another_is_refused(self, user: str, who: str) -> None:
        told = await trouble_at(f"redis://{who}{user}/0")

        assert "it asks for" in told
        assert "guessed" not in told


@pytest.mark.parametrize(
    ("text", "nodes", "arguments"),
    [
        ("redis://", [("localhost", 6379)], {}),
        ("redis:///2", [("localhost", 6379)], {"db": 2}),
        ("redis://r?client_name=mail", [("r", 6379)], {"client_name": "mail"}),
        ("redis://ann:a%2Fb@[::1]:1/2?db=3", [("::1", 1)], {"username": "ann", "password": "a/b", "db": 3}),
        ("rediss://r/0?ssl_check_hostname=no", [("r", 6379)], {"db": 0, "ssl_check_hostname": False}),
        ("unix:///a%20b/s?db=1", [], {"path": "/a b/s", "db": 1}),
        ("redis+cluster://:p@a,b:7", [("a", 6379), ("b", 7)], {"password": "p"}),
        ("redis+sentinel://a,b:7/jobs/4", [("a", 26379), ("b", 7)], {"db": 4}),
    ],
)
def test_an_address_is_taken_apart(text: str, nodes: list[tuple[str, int]], arguments: dict[str, Any]) -> None:
    address = parse(text)

    assert address.nodes == tuple(Node(*node) for node in nodes)
    assert address.arguments == arguments


def test_sentinels_have_a_password_of_their_own_and_share_the_certificates() -> None:
    address = parse("rediss+sentinel://ann:p@a/jobs?sentinel_username=w&sentinel_password=s&ssl_ca_certs=/ca&db=2")

    assert address.service == "jobs"
    assert address.arguments == {"username": "ann", "password": "p", "db": 2, "ssl_ca_certs": "/ca"}
    assert address.sentinel_arguments == {"username": "w", "password": "s", "ssl_ca_certs": "/ca"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("reddis://:secret@x", "is not known. Did you mean redis://?"),
        ("redis:secret@x", "is not known"),
        ("redis://:secret@host:port", "a port a number from 1 to 65535"),
        ("redis://host:0", "a port a number from 1 to 65535"),
        ("redis://host:70000", "a port a number from 1 to 65535"),
        ("redis://:sec/ret@host", "write / as %2F"),
        ("redis://:sec?ret@host", "write / as %2F"),
        ("redis://a,b", "only sentinels and a Cluster are named by several hosts"),
        ("redis://host/one", "the database is not a whole number"),
        ("redis://host?db=one", "db is not a whole number"),
        ("redis://host?socket_timeout=5", "it has no option 'socket_timeout'; known: client_name, db"),
        ("redis://host?user_name=x&password=secret", "did you mean 'username'?"),
        ("redis://host?ssl_ca_certs=/ca", "ssl_ca_certs is for TLS, which redis:// is not"),
        ("rediss://host?ssl_cert_reqs=CERT_NONE", "is none of none, optional, required"),
        ("rediss://host?ssl_check_hostname=maybe", "is neither true nor false"),
        ("unix://", "it names no socket"),
        ("redis+sentinel://:secret@host", "it names no service after the sentinels"),
        ("redis+sentinel:///jobs", "it names no host"),
        ("redis+sentinel://a,/jobs?sentinel_password=secret", "it names no host, or ends in a comma"),
        ("redis://host?sentinel_password=secret", "it has no option 'sentinel_password'"),
        ("redis+cluster://host/1", "a Cluster has no database but 0"),
        ("cache://default", "only the setting ARDIQ may name a cache"),
    ],
)
def test_a_wrong_address_fails_early_and_keeps_its_secret(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Ardiq(queue_name="q", broker=text)

    assert sentence in str(caught.value)
    assert not any(part in str(caught.value) for part in ("secret", "sec/", "ret@"))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://localhost:6379/0", "redis://localhost:6379/0"),
        ("redis://ann@[::1]:6379", "redis://ann@[::1]:6379"),
        ("redis://ann:p@ss@host/0", "redis://ann:***@host/0"),
        ("redis://:p/s?s@host:1", "redis://:***@host:1"),
        ("unix:///s?password=secret&db=1", "unix:///s?password=***&db=1"),
        ("rediss://h?ssl_password=a@b", "rediss://h?ssl_password=***"),
        ("redis+sentinel://:p@a:1,b:2/s?sentinel_password=q", "redis+sentinel://:***@a:1,b:2/s?sentinel_password=***"),
        ("database://default", "database://default"),
    ],
)
def test_no_password_is_shown(text: str, shown: str) -> None:
    assert masked(text) == shown
