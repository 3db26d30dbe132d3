"""Whatever a log is told is one line for each event."""

import io
import logging
from collections.abc import Iterator

import pytest

from ardiq_django.line import Lines, field, line, logger_of

HOSTILE = "x\nERROR job failed id=1\r\n\x1b[31m\u2028\u202e\x00\ud800"


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """What the usual formatter makes of the records of the logger `odd`."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logger = logger_of("odd")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_what_is_not_printable_is_escaped_and_what_is_long_is_cut() -> None:
    assert line(HOSTILE) == r"x\nERROR job failed id=1\r\n\x1b[31m\u2028\u202e\x00\ud800"
    assert line("é 😀 plain") == "é 😀 plain"
    assert line("a" * 500, 3) == "aaa…"
    assert line(7) == "7"


def test_a_field_cannot_be_left() -> None:
    assert field("shop.tasks.mail") == "shop.tasks.mail"
    assert field("1 task=evil") == '"1 task=evil"'
    assert field('a" task=evil x="') == "\"a' task=evil x='\""
    assert field("") == '""'


def test_a_value_that_cannot_be_told_is_no_trouble(said: io.StringIO) -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise ValueError

        __repr__ = __str__

    logger_of("odd").error("%s %r", Mute(), Mute())

    name = Mute.__qualname__
    assert said.getvalue() == f"ERROR {name} (its str raises) {name} (its repr raises)\n"


def test_each_record_is_one_line_and_what_belongs_to_it_indented(said: io.StringIO) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError as error:
        logger_of("odd").error("a %s of %d%s", HOSTILE, 5, Lines(f"one\n{HOSTILE}"), exc_info=error)

    first, *rest = said.getvalue().splitlines()
    assert first == rf"ERROR a {line(HOSTILE)} of 5"
    assert rest[:2] == ["    one", "    x"]
    assert "    ERROR job failed id=1" in rest
    assert [one for one in rest if not one.startswith("    ") or not one.isprintable()] == []
