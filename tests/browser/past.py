"""`python -m tests.browser.past`: let the shop have been open for a day, as its records then say.

Jobs go through the broker's own verbs, by a clock that is set back; their outcomes and times are made up, by a seed.
"""

import asyncio
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import django

from ardiq_django import codec
from ardiq_django.ardiq import Ardiq
from ardiq_django.brokers import Broker
from ardiq_django.clock import new_epoch, new_id, now_ms
from ardiq_django.declared import declared_apps
from ardiq_django.results import Attempt
from ardiq_django.wire import (
    FORMAT,
    Delivery,
    Exchange,
    Failed,
    News,
    Outcome,
    Retrying,
    StagedJob,
    Succeeded,
    WorkerCard,
)
from ardiq_django.worker.statistics import Statistics

MINUTE_MS = 60_000
DAY_MS = 24 * 60 * MINUTE_MS
FINE_MS = 90 * MINUTE_MS  # of the last hours each minute is told, before that each tenth
LATELY_MS = 12 * MINUTE_MS
TTL_MS = DAY_MS


@dataclass(frozen=True, slots=True)
class Habit:
    """How often a task runs in an hour at noon, for how long, and how often it fails."""

    task: str
    hourly: float
    median_ms: float
    failing: float = 0.0
    lately: float = 0.0  # how often it failed in the last minutes, beyond that
    error: str = ""
    message: str = ""
    args: Callable[[random.Random], tuple[object, ...]] = lambda chance: (chance.randrange(40_000, 60_000),)


def _payment(chance: random.Random) -> tuple[object, ...]:
    return chance.randrange(40_000, 60_000), "4111 1111", chance.randrange(900, 30_000)


def _supplier(chance: random.Random) -> tuple[object, ...]:
    return (chance.choice(("Nordholz", "Lumen & Co", "Ceramica Pesaro")),)


HABITS = (
    Habit("orders.confirm", 300, 40),
    Habit("orders.charge_card", 240, 420, 0.012, 0.35, "CardDeclined", "the bank declines 129.90 EUR", _payment),
    Habit("catalogue.resize_images", 130, 900, 0.004, 0, "OSError", "cannot identify image file"),
    Habit("catalogue.update_prices", 9, 5_200, 0.14, 0, "ConnectionError", "Nordholz does not answer", _supplier),
    Habit("newsletter.send", 160, 85),
    Habit("reports.monthly_sales", 3, 21_000, args=lambda chance: (f"2026-{chance.randrange(1, 11):02}",)),
)


class Past:
    """The last day of one queue."""

    def __init__(self, app: Ardiq, chance: random.Random) -> None:
        self.habits = [habit for habit in HABITS if habit.task in app.registry.tasks]
        self.by_task = {habit.task: habit for habit in self.habits}
        self.broker: Broker = app.broker
        self.chance = chance
        self.statistics = Statistics(self.broker)
        self.card = WorkerCard(new_epoch(), "shop-1", "shop-1", 811, 1_000)
        self.calls = 0

    async def live(self) -> None:
        at_ms, step_ms = now_ms() - DAY_MS, 10 * MINUTE_MS
        self.broker.skew_ms = -DAY_MS
        await self.broker.register(self.card)
        while at_ms < now_ms():
            self.broker.skew_ms = at_ms - now_ms()
            await self._pass(at_ms, step_ms)
            step_ms = MINUTE_MS if at_ms > now_ms() - FINE_MS else 10 * MINUTE_MS
            at_ms += step_ms
        self.broker.skew_ms = 0
        await self.broker.leave(self.card.epoch)

    async def _pass(self, at_ms: int, step_ms: int) -> None:
        """One step: what was ordered in it runs, and its figures are told."""
        await self.broker.beat(self.card.epoch, self.calls, {}, News())
        jobs = [job for habit in self.habits for job in self._ordered(habit, at_ms, step_ms)]
        await self.broker.enqueue(jobs)
        turn = await self._exchange((), len(jobs) + 20)
        outcomes = [self._outcome(delivery, at_ms) for delivery in turn]
        answers = await self.broker.exchange(self._next(outcomes, 0))
        self.statistics.settled(outcomes, answers.answers)
        await self.statistics.tell(self.card.epoch)

    def _ordered(self, habit: Habit, at_ms: int, step_ms: int) -> list[StagedJob]:
        wanted = habit.hourly * _busy(at_ms) * step_ms / (60 * MINUTE_MS)
        number = int(wanted + self.chance.random() + self.chance.gauss(0, math.sqrt(wanted) / 2))
        return [self._job(habit, at_ms - self.chance.randrange(step_ms)) for _ in range(number)]

    def _job(self, habit: Habit, at_ms: int) -> StagedJob:
        call = codec.encode([list(habit.args(self.chance)), {}])
        return StagedJob(FORMAT, new_id(), habit.task, "default", call, at_ms)

    async def _exchange(self, outcomes: tuple[Outcome, ...], want: int) -> list[Delivery]:
        return list((await self.broker.exchange(self._next(list(outcomes), want))).deliveries)

    def _next(self, outcomes: list[Outcome], want: int) -> Exchange:
        self.calls += 1
        return Exchange(self.card.epoch, self.calls, self.card.worker_id, outcomes, want, ("high", "default", "low"))

    def _outcome(self, delivery: Delivery, at_ms: int) -> Outcome:
        habit = self.by_task[delivery.job.task]
        ordered_ms = delivery.job.enqueued_ms if delivery.tries == 1 else at_ms
        start_ms = ordered_ms + round(self._long(25 if _busy(at_ms) < 0.9 else 220))
        finish_ms = start_ms + round(self._long(habit.median_ms))
        self.statistics.begun([delivery], start_ms)
        failing = habit.failing + habit.lately * (at_ms > now_ms() - LATELY_MS)
        if self.chance.random() >= failing:
            return Succeeded(delivery, start_ms, finish_ms, codec.encode("done"), TTL_MS)
        trace = f'Traceback (most recent call last):\n  File "store/tasks.py", line 40\n{habit.error}: {habit.message}'
        attempt = Attempt(
            delivery.tries, "failed", start_ms, finish_ms, "shop-1", habit.error, habit.message, trace
        )  # fmt: skip
        if habit.error == "ConnectionError" and delivery.tries < 3:
            return Retrying(delivery, attempt, 40 * MINUTE_MS)
        return Failed(delivery, attempt, f"{habit.error}({habit.message!r})", TTL_MS)

    def _long(self, median_ms: float) -> float:
        return median_ms * math.exp(self.chance.gauss(0, 0.7))


def _busy(at_ms: int) -> float:
    """How much of the business of noon there is at this time of the day."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return 0.12 + 0.88 * max(0.0, math.sin(math.pi * (at.hour + at.minute / 60 - 5) / 18)) ** 2


async def plan(app: Ardiq) -> None:
    """Some schedules that nobody has declared in code."""
    if "newsletter.send" in app.registry.tasks:
        letter = app.ref("newsletter.send")
        weekly = letter.options(schedule_id="weekly letter to suppliers", timezone="Europe/Vienna")
        await weekly.schedule_by_cron("0 9 * * 1", 4711)
        tomorrow = datetime.now(UTC).replace(hour=8, minute=0, second=0) + timedelta(days=1)
        await letter.options(schedule_id="autumn sale").schedule_by_time(tomorrow, 4712, "The autumn sale begins")
    if "catalogue.update_prices" in app.registry.tasks:
        prices = app.ref("catalogue.update_prices").options(schedule_id="prices of Lumen & Co")
        await prices.schedule_by_interval(timedelta(hours=2), "Lumen & Co")


async def happen() -> None:
    apps = declared_apps()
    await asyncio.gather(*(Past(app, random.Random(place)).live() for place, app in enumerate(apps)))
    for app in apps:
        await plan(app)


if __name__ == "__main__":
    django.setup()
    asyncio.run(happen())
