"""All queues as the overview sees them: what is wrong with any of them, and what they amount to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.numbers import summed
from ardiq_django.dashboard.overview.alarm import Alarm
from ardiq_django.dashboard.overview.sight import QueueSight
from ardiq_django.operating.status import QueueStatus
from ardiq_django.results import State
from ardiq_django.statistics import Figures, total


@dataclass(frozen=True, slots=True)
class Totals:
    """The figures of all queues together. `oldest_wait_ms` is None where nothing waits, or where it is not known."""

    counts: Mapping[State, int]
    day: Figures
    oldest_wait_ms: int | None
    processes: int


class Sights:
    """Every declared queue. What cannot be read is an alarm, and the rest is there."""

    def __init__(self, desk: Desk) -> None:
        self.queues = [QueueSight(desk, status) for status in desk.statuses]

    @cached_property
    def alarms(self) -> list[Alarm]:
        """What is wrong, the grave first."""
        return sorted((alarm for one in self.queues for alarm in one.alarms), key=lambda alarm: not alarm.is_grave)

    @cached_property
    def totals(self) -> Totals:
        """What all amount to."""
        statuses = [one.status for one in self.queues]
        return Totals(
            counts={state: summed([status.counts.get(state, 0) for status in statuses]) for state in State},
            day=total(one.day for one in self.queues),
            oldest_wait_ms=max(
                (one.oldest_wait_ms for one in statuses if one.oldest_wait_ms is not None), default=None
            ),
            processes=processes_of(statuses),
        )


def processes_of(statuses: Iterable[QueueStatus]) -> int:
    """How many processes serve some queues; one may serve several."""
    cards = [worker.row.card for status in statuses for worker in status.alive]
    return len({(card.host, card.pid) for card in cards})
