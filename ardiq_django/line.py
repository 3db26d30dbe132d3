"""Text of anybody's making, fit for one line of a log."""

from typing import Any

MOST_CHARS = 200


def line(value: Any, most: int = MOST_CHARS) -> str:
    """The value's text with all that is not printable (line ends, colours, what turns the direction of writing) written
    as escapes, and cut at so many characters. Whatever the text, it can begin no line and order no terminal."""
    text = str(value)
    shown = text[:most]
    if not shown.isprintable():
        shown = "".join(letter if letter.isprintable() else _escaped(letter) for letter in shown)
    return shown if len(text) <= most else f"{shown}…"


def lines(text: str) -> str:
    """A text of several lines, each escaped as by `line` but not cut, and indented: none looks like an event's own."""
    return "".join(f"\n    {line(one, len(one))}" for one in text.splitlines())


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()
