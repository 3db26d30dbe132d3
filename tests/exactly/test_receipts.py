"""Receipts themselves: keys, overlapping writers, and how they go."""

import threading
import time
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from ardiq_django import Ardiq, ConfigError, receipts
from ardiq_django.config import DAY_MS
from ardiq_django.models import Receipt
from ardiq_django.receipts import once, purge_receipts
from tests.exactly.effects import bought, buy


def test_a_key_is_known_wherever_it_is_used(alias: str) -> None:
    with once("order-17-charged", using=alias) as first:
        buy(alias, "order-17")
    with once("order-17-charged", using=alias) as second:
        pass
    with once("Order-17-charged", using=alias) as other:
        pass

    assert (first, second, other) == (True, False, True)


def test_a_receipt_goes_with_the_transaction_around_it(alias: str) -> None:
    with transaction.atomic(using=alias):
        with once("k", using=alias):
            buy(alias, "k")
        transaction.set_rollback(True, using=alias)

    with once("k", using=alias) as is_first:
        pass
    assert is_first
    assert bought(alias, "k") == 0


def overlap(alias: str, first_commits: bool) -> list[bool]:
    """What the second of two that overlap is told; the first holds its transaction until the second waits."""
    inside, told = threading.Event(), []

    def second() -> None:
        inside.wait(30)
        with once("both", using=alias) as is_first:
            told.append(is_first)
        connections.close_all()

    thread = threading.Thread(target=second)
    thread.start()
    try:
        with once("both", using=alias):
            inside.set()
            thread.join(0.3)
            assert told == []
            if not first_commits:
                raise ValueError("rolled back")
    except ValueError:
        pass
    thread.join(30)
    return told


@pytest.mark.parametrize("first_commits", [True, False])
def test_the_second_of_two_that_overlap_waits_for_the_end_of_the_first(alias: str, first_commits: bool) -> None:
    assert overlap(alias, first_commits) == [not first_commits]


def test_of_many_at_once_one_is_first(alias: str) -> None:
    told: list[bool] = []
    start = threading.Barrier(8)

    def one() -> None:
        start.wait(30)
        with once("many", using=alias) as is_first:
            told.append(is_first)
        connections.close_all()

    threads = [threading.Thread(target=one) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert sorted(told) == [False] * 7 + [True]


def test_without_a_key_there_must_be_a_task() -> None:
    with pytest.raises(LookupError, match="give it a key"):
        once()


@pytest.mark.parametrize("given", [("", ""), ("k", "step"), (7, "")])
def test_a_wrong_key_is_refused(given: tuple[Any, str]) -> None:
    with pytest.raises(ConfigError, match="give a text as key"):
        once(given[0], step=given[1])


def test_receipts_go_once_their_time_is_over(alias: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "AT_ONCE", 3)
    for number in range(7):
        with once(f"old {number}", using=alias, ttl_ms=0):
            pass
    with once("new", using=alias):
        pass
    time.sleep(0.002)

    purge_receipts([alias])

    assert [receipt.title for receipt in Receipt.objects.using(alias).all()] == ["new"]


@pytest.mark.django_db(transaction=True, databases=["default"])
def test_what_a_receipt_is_made_of_may_be_any_text() -> None:
    for key in ("a\x00b", "\udcff", "ü" * 1000):
        with once(key) as first, once(key) as second:
            assert (first, second) == (True, False)


@pytest.mark.django_db(transaction=True, databases=["default"])
def test_a_missing_table_is_told_with_the_command_that_makes_it() -> None:
    with connections["default"].schema_editor() as editor:
        editor.delete_model(Receipt)
    try:
        with pytest.raises(OperationalError) as caught, once("k"):
            pass
        purge_receipts(["default"])
    finally:
        with connections["default"].schema_editor() as editor:
            editor.create_model(Receipt)
    assert "manage.py migrate --database=default" in caught.value.__notes__[0]


def test_a_receipt_is_kept_at_least_as_long_as_its_job_may_be_replayed() -> None:
    assert Ardiq("memory://").options.receipts_kept_ms == 60 * DAY_MS
    assert Ardiq("memory://", history_ttl_ms={"failed": 0}).options.receipts_kept_ms == 30 * DAY_MS
    assert Ardiq("memory://", receipt_ttl_ms=31 * DAY_MS).options.receipts_kept_ms == 31 * DAY_MS
    with pytest.raises(ConfigError, match="may be replayed"):
        Ardiq("memory://", receipt_ttl_ms=DAY_MS)


async def test_a_worker_looks_after_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from ardiq_django.connections import DjangoSurroundings

    seen: list[list[str]] = []
    monkeypatch.setattr(receipts, "purge_receipts", seen.append)
    monkeypatch.setattr(receipts, "FIRST_AFTER_S", 0.0)
    around = DjangoSurroundings()

    await around.look_after_store()
    await around.look_after_store()

    assert seen == [list(connections)]
