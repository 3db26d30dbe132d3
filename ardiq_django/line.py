"""Text of anybody's making, fit for one line of a log."""

import logging
import traceback
from typing import Any

MOST_CHARS = 200
MOST_OF_RECORD = 2_000  # of one value that nobody has cut before


def line(value: Any, most: int = MOST_CHARS) -> str:
    """The value's text with all that is not printable (line ends, colours, what turns the direction of writing) written
    as escapes, and cut at so many characters. Whatever the text, it can begin no line and order no terminal."""
    text = said(str, value)
    shown = text[:most]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else _escaped(letter) for letter in shown)
    return shown if len(text) <= most else f"{shown}…"


def field(value: Any) -> str:
    """The same as the value in `name=value`: in quotes where it has what would end it, or begin the next."""
    shown = line(value)
    if shown and not any(sign in shown for sign in ' ="'):
        return shown
    return '"' + shown.replace('"', "'") + '"'


class Lines(str):
    """A text of several lines that a log may show, each indented: none looks like an event of its own."""

    __slots__ = ()

    @property
    def indented(self) -> str:
        return "".join(f"\n    {line(one, max(1, len(one)))}" for one in self.splitlines())


def said(how: Any, value: Any) -> str:
    """What `str` or `repr` says of a value; of an error where that raises, that it does."""
    try:
        return str(how(value))
    except Exception:  # an error may have any text, or none
        return f"{type(value).__qualname__} (its {how.__name__} raises)"


def logger_of(name: str) -> logging.Logger:
    """The logger of that name, whose records are one line each, and what follows it indented."""
    logger = logging.getLogger(name)
    if not any(isinstance(one, _OneLine) for one in logger.filters):
        logger.addFilter(_OneLine())
    return logger


class _OneLine(logging.Filter):
    """Escapes what a sentence is filled with. The sentences are ours, and so are their line ends."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple([_shown(value) for value in record.args])
        if record.exc_info and not record.exc_text:
            record.exc_text = Lines("".join(traceback.format_exception(record.exc_info[1]))).indented.lstrip("\n")
        return True


def _shown(value: Any) -> Any:
    if isinstance(value, int | float):
        return value
    if isinstance(value, Lines):
        return value.indented
    return line(value, MOST_OF_RECORD) if isinstance(value, str) else _Shown(value)


class _Shown:
    """Another value, for `%s` as well as for `%r`."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value = value

    def __str__(self) -> str:
        return line(self._value, MOST_OF_RECORD)

    def __repr__(self) -> str:
        return line(said(repr, self._value), MOST_OF_RECORD)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
