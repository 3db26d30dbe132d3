"""The contract of schedules: its verbs, and what each one promises.

What `brokers.base` says of all verbs holds here. A plan's times are worked out by whoever plans and whoever fires it;
the broker keeps them, in the order of the next one, and lets each step through once.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from ardiq_django.plan import Planned, PlanPage, Standing
from ardiq_django.wire import Answer, Firing


class Schedules(ABC):
    """Keeps the schedules of one queue. Those that are declared in code are none of these, but for `standings` and
    `switch`."""

    @abstractmethod
    async def plan(self, rows: Sequence[Planned]) -> list[bool]:
        """Store schedules, each True if its id is new; one that is known takes the new plan.

        Where the new plan fires at the same times as the old one its mark and its next time stay, so that planning
        again at each start of a program loses no fire time and makes none twice; where it does not, they are those
        given, except that a disabled schedule stays disabled."""

    @abstractmethod
    async def unplan(self, ids: Sequence[str]) -> list[Answer]:
        """Remove schedules, `done` or `gone`. From then on none fires; jobs that were staged before stay."""

    @abstractmethod
    async def replan(self, schedule_id: str, mark_ms: int, next_ms: int) -> Answer:
        """Go on from this mark and fire at `next_ms`, or with 0 not at all until replanned; `done` or `gone`."""

    @abstractmethod
    async def get(self, schedule_id: str) -> Planned | None:
        """Everything known of one schedule."""

    @abstractmethod
    async def page(self, offset: int = 0, limit: int = 100, text: str = "") -> PlanPage:
        """Schedules in the order in which they fire next, the disabled ones last; with `text`, those that have it in
        their id or their task's name, among the first 10,000."""

    @abstractmethod
    async def due(self, limit: int) -> list[Planned]:
        """Schedules whose next time has come, the longest waiting first. What is not due costs nothing."""

    @abstractmethod
    async def fire(self, firings: Sequence[Firing]) -> list[bool]:
        """Enqueue the jobs of each firing and move its schedule on, or remove it, in one atomic step.

        True where this call did so. False, changing nothing, where the schedule is gone, disabled or replaced, where
        its mark is no longer the one that the firing was made from, or where somebody else is just firing it. Jobs
        whose ids are known are passed over."""

    @abstractmethod
    async def standings(self, names: Sequence[str]) -> dict[str, Standing]:
        """How each of these schedules stands that are declared in code; changes nothing, unlike `Broker.watermarks`."""

    @abstractmethod
    async def switch(self, name: str, *, on: bool) -> None:
        """Let a schedule that is declared in code fire, or not, whoever stages it.

        While it is off its watermark moves as ever, and what comes due is given up. Switched on, it starts at now."""
