"""`manage.py ardiq mark`: what is kept, for how long, and what is refused."""

import pytest
from django.core.management import CommandError
from django.db import connection

from ardiq_django import clock
from ardiq_django.models import Mark
from ardiq_django.models.mark import KEPT_MARKS, KEPT_MS
from tests.ring.operating import ardiq, document

pytestmark = pytest.mark.django_db


def labels() -> list[str]:
    return [mark.label for mark in Mark.objects.newest_first()]


def put_many(number: int, at_ms: int) -> None:
    Mark.objects.bulk_create(Mark(label=str(place), at_ms=at_ms + place) for place in range(number))


def test_it_marks_the_moment_and_says_so() -> None:
    before = clock.now_ms()

    code, said = ardiq("mark", "v1.2")

    (mark,) = Mark.objects.all()
    assert (code, mark.label) == (0, "v1.2")
    assert before <= mark.at_ms <= clock.now_ms()
    assert said.startswith("marked v1.2 at ")


def test_for_programs_it_is_a_document() -> None:
    told = document("mark", "  two \t words ")

    assert told["label"] == "two words"
    assert set(told) == {"label", "at"}
    assert labels() == ["two words"]


@pytest.mark.parametrize("label", ["", "  ", "x" * 65, "a\x00b", "a\x1b[31m", "\u202egnp", "\udcff"])
def test_what_is_no_label_is_refused_and_nothing_is_kept(label: str) -> None:
    with pytest.raises(CommandError, match="1 to 64 characters"):
        ardiq("mark", label)

    assert labels() == []


@pytest.mark.parametrize("label", ["x" * 64, "<b>&\"'", "Überprüfung №7", "--"])
def test_any_other_text_is_one(label: str) -> None:
    ardiq("mark", "--", label)

    assert labels() == [label]


def test_it_is_of_no_queue() -> None:
    with pytest.raises(CommandError, match="unrecognized arguments"):
        ardiq("mark", "v1", "--queue", "default")


def test_the_newest_500_are_kept() -> None:
    put_many(KEPT_MARKS + 20, clock.now_ms() - 60_000)

    ardiq("mark", "new")

    kept = labels()
    assert (len(kept), kept[:2], kept[-1]) == (KEPT_MARKS, ["new", str(KEPT_MARKS + 19)], "21")


def test_what_is_older_than_90_days_goes_when_another_comes() -> None:
    now_ms = clock.now_ms()
    Mark.objects.put("old", now_ms - KEPT_MS - 60_000)
    Mark.objects.put("young", now_ms - KEPT_MS + 60_000)

    ardiq("mark", "new")

    assert labels() == ["new", "young"]


def test_without_its_table_it_says_what_to_do() -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ardiq_mark RENAME TO elsewhere")  # undone with the test's transaction

    with pytest.raises(CommandError, match=r"cannot be kept: .*migrate --database=default"):
        ardiq("mark", "v1")
