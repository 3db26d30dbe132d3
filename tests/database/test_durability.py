"""What a crash may lose is read from the server, and more than a project would expect is a warning."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from pytest_django import Settings

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.brokers.database.durability import of_postgresql
from ardiq_django.checks import check_servers
from tests.database.conftest import ON_SQLITE, SERVER_NAMES, Outside, on


@contextmanager
def told(alias: str, *statements: str) -> Iterator[None]:
    """Statements told to the server, the last of which undoes what the others did."""
    with connections[alias].cursor() as cursor:
        for statement in statements[:-1]:
            cursor.execute(statement)
        try:
            yield
        finally:
            cursor.execute(statements[-1])


ROLE = "ALTER ROLE CURRENT_USER"
RISKY: dict[str, tuple[tuple[str, ...], str, str]] = {
    "mariadb": (
        ("SET GLOBAL innodb_flush_log_at_trx_commit = 2", "SET GLOBAL innodb_flush_log_at_trx_commit = 0"),
        "innodb_flush_log_at_trx_commit=2: a crash of the machine may lose the commits of the last second",
        "innodb_flush_log_at_trx_commit = 1",
    ),
    "postgres": ((f"{ROLE} SET synchronous_commit = off", f"{ROLE} RESET ALL"), "fsync=off", "fsync = on"),
}
SAFE = {"mariadb": ("SET GLOBAL innodb_flush_log_at_trx_commit = 1", "SET GLOBAL innodb_flush_log_at_trx_commit = 0")}


@pytest.mark.parametrize("alias", [pytest.param(name, marks=on(name)) for name in SERVER_NAMES])
def test_a_server_that_may_lose_commits_is_weak(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    statements, sentence, remedy = RISKY[alias]

    with told(alias, *statements):
        durability = outside(broker.durability())

    assert sentence in durability.sentence
    assert remedy in durability.remedy
    assert durability.is_weak


@pytest.mark.parametrize("alias", [pytest.param(name, marks=on(name)) for name in SERVER_NAMES if name in SAFE])
def test_a_server_that_writes_each_commit_is_not(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    with told(alias, *SAFE[alias]):
        durability = outside(broker.durability())

    assert "what was accepted is on disk" in durability.sentence
    assert not durability.is_weak


@pytest.mark.parametrize("alias", [pytest.param("postgres", marks=on("postgres"))])
def test_the_setting_of_the_brokers_own_role_counts(broker: DatabaseBroker, alias: str, outside: Outside) -> None:
    with told(alias, *RISKY[alias][0]):
        durability = outside(broker.durability())

    assert "synchronous_commit=off" in durability.sentence


@pytest.mark.parametrize(
    ("changed", "sentence", "remedy"),
    [
        ({}, "on disk; a failover loses what the standby had not received", ""),
        ({"synchronous_standby_names": "*"}, "on disk; a standby has received it, too", ""),
        ({"synchronous_standby_names": "*", "synchronous_commit": "local"}, "a failover loses", ""),
        ({"synchronous_commit": "off"}, "may lose the commits of the last moments", "synchronous_commit = on"),
        ({"full_page_writes": "off"}, "may damage everything", "full_page_writes = on"),
        ({"fsync": "off", "synchronous_commit": "off"}, "may damage everything", "fsync = on"),
    ],
)
def test_what_the_settings_of_postgresql_mean(changed: dict[str, str], sentence: str, remedy: str) -> None:
    sound = {"synchronous_commit": "on", "fsync": "on", "full_page_writes": "on", "synchronous_standby_names": ""}

    durability = of_postgresql(**{**sound, **changed})

    assert sentence in durability.sentence
    assert (remedy in durability.remedy) if remedy else not durability.is_weak


@pytest.mark.parametrize(
    ("pragmas", "sentence", "is_weak"),
    [
        ("journal_mode=WAL; PRAGMA synchronous=NORMAL", "a crash of a process loses nothing", False),
        ("journal_mode=WAL; PRAGMA synchronous=FULL", "what was accepted is on disk", False),
        ("journal_mode=WAL; PRAGMA synchronous=OFF", "a power failure may damage the file", True),
    ],
)
@pytest.mark.parametrize("alias", [pytest.param("default", marks=ON_SQLITE)])
def test_what_a_file_of_sqlite_is_opened_with_counts(
    broker: DatabaseBroker,
    outside: Outside,
    monkeypatch: pytest.MonkeyPatch,
    pragmas: str,
    sentence: str,
    is_weak: bool,
) -> None:
    options: dict[str, Any] = {**connections["default"].settings_dict["OPTIONS"], "init_command": f"PRAGMA {pragmas}"}
    monkeypatch.setitem(connections["default"].settings_dict, "OPTIONS", options)

    durability = outside(broker.durability())

    assert sentence in durability.sentence
    assert durability.is_weak is is_weak


@pytest.mark.parametrize("alias", [pytest.param("postgres", marks=on("postgres"))])
def test_deploying_warns_of_it_with_the_remedy(settings: Settings, alias: str) -> None:
    settings.ARDIQ = {"default": {}, "rows": {"BROKER": f"database://{alias}"}}

    default, rows = check_servers()

    assert (default.id, rows.id) == ("ardiq.I001", "ardiq.W005")
    assert "fsync=off" in rows.msg
    assert rows.hint == "set fsync = on"
