"""Which jobs an operation is about: their states, task, text and times, as flags say it."""

import argparse
import re
from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.conf import settings
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from ardiq_django.results import State
from ardiq_django.snapshot import SCANNED, Query

UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 7 * 86_400_000}
WINDOW = SCANNED  # jobs of a state that a broker looks at
AGO = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time, or so long ago by the clock of whoever is asked."""

    ms: int
    is_ago: bool = False

    @classmethod
    def parse(cls, text: str) -> "Moment":
        """`1h`, `2.5d`, or ISO 8601; without a zone it is the project's. The type of a flag."""
        if ago := AGO.fullmatch(text):
            return cls(round(float(ago[1]) * UNITS_MS[ago[2]]), True)
        try:
            day = parse_date(text)
            at = datetime.combine(day, time()) if day else parse_datetime(text)
        except ValueError:
            at = None
        if at is None:
            raise argparse.ArgumentTypeError(f"{text!r} is no time: give 30m, 1h, 2d, or 2026-11-22T05:00")
        if at.tzinfo is None:
            at = timezone.make_aware(at) if settings.USE_TZ else at.astimezone()
        return cls(round(at.astimezone(UTC).timestamp() * 1000))

    def at_ms(self, now_ms: int) -> int:
        """The moment in epoch milliseconds; never 0, which would mean any."""
        return max(1, now_ms - self.ms if self.is_ago else self.ms)


@dataclass(frozen=True, slots=True)
class Selection:
    """Every term must hold; times are those by which jobs are listed: of the end, the start, or when they are due."""

    states: tuple[State, ...] = tuple(State)
    task: str = ""
    text: str = ""
    since: Moment | None = None
    until: Moment | None = None

    @property
    def is_narrowed(self) -> bool:
        """Whether more is asked than states."""
        return bool(self.task or self.text or self.since or self.until)

    def query(self, now_ms: int) -> Query:
        """The question to a broker whose clock says `now_ms`."""
        return Query(
            states=self.states,
            task=self.task,
            text=self.text,
            since_ms=self.since.at_ms(now_ms) if self.since else 0,
            until_ms=self.until.at_ms(now_ms) if self.until else 0,
        )
