"""`manage.py ardiq doctor`: what it finds, on every broker."""

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import CommandError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import override_settings

from tests.admin.conftest import declared, opened
from tests.admin.shop import HOUR_MS, Shop
from tests.contract.conftest import address
from tests.ring.operating import ardiq, document
from tests.services import free_port

__all__ = ["address"]


@pytest.fixture
def shop(address: str) -> Iterator[Shop]:
    with opened(address) as shop:
        yield shop


def findings(queue: str = "") -> dict[str, dict[str, Any]]:
    """What is found of one queue, or of the project, by check."""
    return {one["check"]: one for one in document("doctor")["findings"] if one["queue"] == queue}


def verdicts(queue: str) -> dict[str, str]:
    return {check: one["verdict"] for check, one in findings(queue).items()}


def test_a_healthy_queue_is_examined_through_and_through(shop: Shop) -> None:
    shop.running()

    found = verdicts(shop.queue)
    assert found.pop("version", "warn") == "warn"  # of a Redis that has one
    code, said = ardiq("doctor")

    assert code == 0, said
    volatile = ["broker"] if shop.app.address == "memory://" else []
    volatile += (
        [] if shop.app.address == "database://default" else ["durability"]
    )  # the servers of the tests keep little
    asked = ["broker", "clock", "durability", "pause", "workers", "tasks", "jobs"]
    asked += ["migrations"] if shop.app.address.startswith("database") else []
    assert found == {**dict.fromkeys(asked, "ok"), **dict.fromkeys(volatile, "warn")}
    assert shop.run(shop.broker.durability()).sentence == findings(shop.queue)["durability"]["says"]
    assert findings()["settings"]["verdict"] == "ok"
    assert ("hiredis" in findings()) == shop.app.address.startswith("redis")


def test_what_deserves_a_word_is_a_warning_and_no_failure(shop: Shop) -> None:
    shop.running()
    shop.put(1, task="shop.forgotten")
    shop.run(shop.broker.pause())
    shop.keep.travel(20_000)

    found = findings(shop.queue)

    assert [check for check in ("clock", "pause", "jobs") if found[check]["verdict"] == "warn"] == [
        *("clock", "pause", "jobs")
    ]
    assert found["clock"]["says"].startswith("the broker's clock is 20 s ahead of")
    assert "shop.forgotten (1)" in found["jobs"]["says"]
    assert f"manage.py ardiq resume --queue {shop.queue}" in found["pause"]["advice"]
    assert findings(shop.other)["tasks"]["verdict"] == "warn"
    assert ardiq("doctor").code == 0


def test_jobs_that_nobody_will_run_are_a_failure(shop: Shop) -> None:
    shop.running()
    shop.put(1)
    shop.keep.travel(HOUR_MS)

    code, said = ardiq("doctor", "--queue", shop.queue)

    assert code == 1
    assert "none is alive, and 1 job waiting" in said
    assert f"→ manage.py runworker {shop.queue}" in said
    assert document("doctor", "--queue", shop.queue)["ok"] is False


def test_a_broker_that_refuses_is_one_clear_finding() -> None:
    with declared(f"redis://:secret@127.0.0.1:{free_port()}/0", "memory://") as (away, here):
        found = findings(away)

        assert list(found) == ["broker"]
        assert found["broker"]["verdict"] == "fail"
        assert "cannot be used" in found["broker"]["says"]
        assert "workers" in findings(here)
        assert "secret" not in ardiq("doctor").said


def test_a_broker_that_says_nothing_is_given_up_within_three_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, declared(f"redis://{_place(silent)}/0") as (queue,):
        begun_s = time.monotonic()
        code, said = ardiq("doctor")

        assert time.monotonic() - begun_s < 3.5
        assert code == 1
        assert "did not answer" in said
        assert queue in said


def _place(server: socket.socket) -> str:
    host, port = server.getsockname()
    return f"{host}:{port}"


def test_a_migration_that_is_missing_is_named(db: None) -> None:
    with opened("database://default") as shop:
        ((_, newest),) = MigrationLoader(connection).graph.leaf_nodes("ardiq")
        MigrationRecorder(connection).record_unapplied("ardiq", newest)

        found = findings(shop.queue)

    assert found["migrations"]["verdict"] == "fail"
    assert newest in found["migrations"]["says"]
    assert found["migrations"]["advice"] == "manage.py migrate --database=default"
    assert "workers" not in found


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ({"a": {"BROKER": "reddis://x"}}, "Did you mean redis://?"),
        ({"a": {"BROKER": "database://nope"}}, "there is no database 'nope'"),
        ({"a": {"CONCURENCY": 3}}, "Did you mean 'CONCURRENCY'?"),
        ("default", "ARDIQ is str"),
    ],
)
def test_a_wrong_setting_is_told_once(setting: Any, words: str) -> None:
    with override_settings(ARDIQ=setting):
        code, said = ardiq("doctor")

    assert code == 1
    assert " ".join(said.split()).count(words) == 1
    assert said.splitlines()[-1] == "0 ok · 0 warn · 1 fail"


def test_a_queue_that_is_not_declared_is_an_error() -> None:
    with declared("memory://"), pytest.raises(CommandError, match="queue 'nope' is not declared"):
        ardiq("doctor", "--queue", "nope")
