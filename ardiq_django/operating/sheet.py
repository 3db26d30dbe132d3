"""The sheet an operation writes on: columns that fit it, words in colour, numbers and times as people read them."""

import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum

from django.utils import timezone

from ardiq_django.dashboard.moments import moment

GAP = "  "
UNLIMITED = 1 << 20  # the width of a file or a pipe
DAY_MS = 86_400_000


class Tone(Enum):
    """How a word is meant."""

    PLAIN = "plain"
    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table. What is `cut` loses its beginning where the sheet is too narrow."""

    title: str
    cells: Sequence[str]
    is_right: bool = False
    is_cut: bool = False

    @property
    def width(self) -> int:
        return max(len(cell) for cell in (self.title, *self.cells))

    def fitted(self, width: int) -> list[str]:
        """Title and cells, each of this width."""
        cells = [cut(cell, width) for cell in (self.title, *self.cells)]
        return [cell.rjust(width) if self.is_right else cell.ljust(width) for cell in cells]


def _as_it_is(tone: Tone, text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class Sheet:
    """So many characters wide; `paint` colours a word where the terminal can."""

    width: int = UNLIMITED
    paint: Callable[[Tone, str], str] = field(default=_as_it_is)

    def table(self, columns: Sequence[Column]) -> list[str]:
        """The title and one line for each row; the columns that may be cut share what the others leave."""
        columns = [column for column in columns if any(column.cells)]
        room = self.width - len(GAP) * (len(columns) - 1)
        room -= sum(column.width for column in columns if not column.is_cut)
        fitted = []
        for column in columns:
            width = max(len(column.title), min(column.width, room)) if column.is_cut else column.width
            room -= width if column.is_cut else 0
            fitted.append(column.fitted(width))
        return [GAP.join(cells).rstrip() for cells in zip(*fitted, strict=True)]

    def wrapped(self, text: str, indent: str) -> Iterator[str]:
        """The text in lines that fit behind the indent."""
        yield from textwrap.wrap(plain(text), max(40, self.width - len(indent)), break_on_hyphens=False) or [""]


def cut(text: str, width: int) -> str:
    """The end of a text, for the names of tasks differ there."""
    return text if len(text) <= width else f"…{text[len(text) - width + 1 :]}"


def head(text: str, width: int) -> str:
    """The beginning of a text."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def plain(text: str) -> str:
    """A text without what a terminal would take for an order."""
    return "".join(letter if letter.isprintable() else "�" for letter in text)


def first_line(text: str) -> str:
    """The first line that says something."""
    return plain(next((line.strip() for line in text.splitlines() if line.strip()), ""))


def number_of(count: int, what: str = "job") -> str:
    """As `1 job`, `12,000 jobs`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def when(ms: int) -> str:
    """A moment in the project's time zone, without the day where it is today's; empty for 0."""
    at, today = moment(ms), moment(round(timezone.now().timestamp() * 1000))
    if at is None or today is None:
        return ""
    return at.strftime("%H:%M:%S" if at.date() == today.date() else "%Y-%m-%d %H:%M:%S")


def iso(ms: int) -> str | None:
    """A moment for programs, with its zone; None for 0."""
    at = moment(ms)
    return at.isoformat(timespec="milliseconds") if at else None
