"""The last runs of one task, as a row of bars: how long each took, and how it ended."""

import math
from collections.abc import Callable, Sequence
from functools import cached_property

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from ardiq_django.dashboard.moments import duration
from ardiq_django.models.job import LABELS
from ardiq_django.results import State
from ardiq_django.snapshot import Ran

HEIGHT, STEP, MOST = 56, 10, 60
CHART = '<svg class="ardiq-runs" viewBox="0 0 {} {}" role="group" aria-label="{}">{}</svg>'
BAR = (
    '<a href="{}"><title>{}</title><rect class="ardiq-reach" x="{}" y="0" width="{}" height="{}"/>'
    '<rect class="ardiq-fill ardiq-{}{}" x="{}" y="{}" width="{}" height="{}"/></a>'
)


class RecentRuns:
    """The runs, given newest first. `address` leads to a job by its id, `here` is the one that is looked at."""

    def __init__(self, runs: Sequence[Ran], address: Callable[[str], str], here: str) -> None:
        self._runs = runs[:MOST][::-1]
        self._address = address
        self._here = here

    def __bool__(self) -> bool:
        return bool(self._runs)

    @property
    def number(self) -> int:
        return len(self._runs)

    @property
    def failed(self) -> int:
        return sum(one.state is State.FAILED for one in self._runs)

    @cached_property
    def _times(self) -> Sequence[int]:
        return sorted(map(_ran_ms, self._runs))

    @property
    def median(self) -> str:
        return duration(self._times[len(self._times) // 2])

    @property
    def slow(self) -> str:
        """What 95 % of the runs do not exceed."""
        return duration(self._times[math.ceil(len(self._times) * 0.95) - 1])

    @property
    def chart(self) -> SafeString:
        most = max(self._times[-1], 1)
        first = MOST - len(self._runs)  # the newest stands at the right edge, however many there are
        bars = format_html_join("", BAR, (self._bar(first + place, one, most) for place, one in enumerate(self._runs)))
        name = _("The last runs of this task: the higher, the longer")
        return format_html(CHART, MOST * STEP, HEIGHT, name, bars)

    def _bar(self, place: int, run: Ran, most: int) -> tuple[object, ...]:
        high = max(2, round(_ran_ms(run) / most * HEIGHT))
        is_here = " ardiq-here" if run.job_id == self._here else ""
        return (
            self._address(run.job_id), _tip(run), place * STEP, STEP, HEIGHT,
            run.state.value, is_here, place * STEP + 1, HEIGHT - high, STEP - 2, high,
        )  # fmt: skip


def _ran_ms(run: Ran) -> int:
    return max(0, run.finish_ms - run.start_ms)


def _tip(run: Ran) -> str:
    return f"{duration(_ran_ms(run))} · {LABELS[run.state]} · {run.job_id}"
