"""How far back a chart looks, and in which steps."""

from collections.abc import Sequence
from enum import StrEnum

from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.charts import Moment
from ardiq_django.dashboard.moments import DAY, HOUR, MINUTE, day_of, moment
from ardiq_django.statistics import Figures, Point, Resolution, total

LABELS = {"1h": _("1 hour"), "8h": _("8 hours"), "3d": _("3 days"), "90d": _("90 days")}


class Span(StrEnum):
    """A choice of four; each is drawn in steps of some whole buckets."""

    HOUR = "1h"
    SHIFT = "8h"
    DAYS = "3d"
    QUARTER = "90d"

    @classmethod
    def of(cls, text: str) -> "Span":
        """The one of that word; the last hour for any other."""
        return cls(text) if text in set(cls) else cls.HOUR

    @property
    def label(self) -> str:
        return str(LABELS[self])

    @property
    def resolution(self) -> Resolution:
        return _STEPS[self][0]

    @property
    def step_ms(self) -> int:
        return _STEPS[self][1]

    @property
    def length_ms(self) -> int:
        return _STEPS[self][2]

    def since_ms(self, now_ms: int) -> int:
        """When its first step began; the last one still goes on."""
        return now_ms - now_ms % self.step_ms - self.length_ms + self.step_ms

    def steps(self, now_ms: int) -> range:
        """The beginnings of its steps."""
        return range(self.since_ms(now_ms), now_ms + 1, self.step_ms)

    def figures(self, points: Sequence[Point], now_ms: int) -> list[Figures]:
        """What happened in each step."""
        found: dict[int, list[Figures]] = {start: [] for start in self.steps(now_ms)}
        for point in points:
            start = point.start_ms - point.start_ms % self.step_ms
            if start in found:
                found[start].append(point.figures)
        return [total(one) for one in found.values()]

    def moments(self, now_ms: int) -> list[Moment]:
        """Each step as a chart names it, in the current time zone."""
        return [self._moment(start, start + self.step_ms > now_ms) for start in self.steps(now_ms)]

    def _moment(self, start_ms: int, is_filling: bool) -> Moment:
        at = moment(start_ms)
        if at is None:
            return Moment("", "")
        day, time = day_of(at), f"{at:%H:%M}"
        label = day if self.step_ms >= DAY else time
        return Moment(label, day if self.step_ms >= DAY else f"{day}, {time}", is_filling)


_STEPS = {
    Span.HOUR: (Resolution.MINUTE, MINUTE, HOUR),
    Span.SHIFT: (Resolution.MINUTE, 5 * MINUTE, 8 * HOUR),
    Span.DAYS: (Resolution.TEN, HOUR, 3 * DAY),
    Span.QUARTER: (Resolution.HOUR, DAY, 90 * DAY),
}
