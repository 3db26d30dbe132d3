"""What happened to the project within the time of the charts, such as deployments."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from django.db import Error, connections, transaction
from django.utils.translation import gettext as _

from ardiq_django.dashboard.apart import readable
from ardiq_django.dashboard.charts import Flag
from ardiq_django.dashboard.moments import clock, moment, stamp
from ardiq_django.dashboard.overview.span import Span
from ardiq_django.models.mark import Mark

MOST_DRAWN, MOST_LISTED = 40, 8


@dataclass(frozen=True, slots=True)
class Marking:
    """One mark as a chart shows it; `share` is how far from the left."""

    label: str
    at_ms: int
    share: float

    def __str__(self) -> str:
        at = moment(self.at_ms)
        return f"{self.label} ({clock(at)})" if at else self.label

    def stamp(self) -> str:
        return stamp(self.at_ms)


@dataclass(frozen=True, slots=True)
class Marks:
    """The newest of a span, newest first; `are_all` tells whether there are more."""

    drawn: Sequence[Marking]
    are_all: bool = True

    @classmethod
    def of(cls, span: Span, now_ms: int) -> "Marks":
        """One statement; none are there before the project has made the table."""
        since_ms = span.since_ms(now_ms)
        found = _found(since_ms, since_ms + span.length_ms)
        drawn = [Marking(readable(one.label), one.at_ms, (one.at_ms - since_ms) / span.length_ms) for one in found]
        return cls(drawn[:MOST_DRAWN], len(drawn) <= MOST_DRAWN)

    @property
    def newest(self) -> Sequence[Marking]:
        """Those that are listed."""
        return self.drawn[:MOST_LISTED]

    @property
    def earlier(self) -> str:
        """How many more there are, in words; empty where there are none."""
        number = len(self.drawn) - MOST_LISTED
        return _("and %(number)s earlier") % {"number": f"{number}{'' if self.are_all else '+'}"} if number > 0 else ""

    @property
    def flags(self) -> list[Flag]:
        return [Flag(one.share, one.label, str(one)) for one in self.drawn]

    def beside(self, chart: str) -> str:
        """The name of a chart with what is marked on it, for those who cannot see it."""
        if not self.drawn:
            return chart
        told = ", ".join([*map(str, self.newest), *filter(None, [self.earlier])])
        return _("%(chart)s, with marks: %(marks)s") % {"chart": chart, "marks": told}


def _found(since_ms: int, until_ms: int) -> list[Mark]:
    rows = Mark.objects.within(since_ms, until_ms - 1)[: MOST_DRAWN + 1]
    try:
        with _kept(rows.db):
            return list(rows)
    except Error:
        return []


def _kept(alias: str) -> AbstractContextManager[object]:
    """Where the request is a transaction, it outlives a statement that fails."""
    return transaction.atomic(using=alias) if connections[alias].in_atomic_block else nullcontext()
