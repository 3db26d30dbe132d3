"""A store as a busy site has it after a bad day: most jobs wait, some run, and of those that ended a fifth failed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ardiq_django import Ardiq
from ardiq_django.clock import new_epoch, new_id
from ardiq_django.results import Attempt
from ardiq_django.statistics import BEGUN, FAILED, RUN, SUCCEEDED, WAIT, Figures, cell_of
from ardiq_django.wire import FORMAT, Delivery, Exchange, Failed, Outcome, StagedJob, Succeeded, WorkerCard

STEP = 1_000
RUNNING = 100
LANES = ("high", "default", "low")
TASKS = ("shop.tasks.invoice", "shop.tasks.remind", "shop.tasks.thumbnail", "shop.tasks.export")
ERRORS = ("ValueError", "TimeoutError", "ConnectionError", "KeyError", "DoesNotExist")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
TTL_MS = DAY_MS
MOMENTS = (*range(90 * DAY_MS, HOUR_MS, -HOUR_MS), *range(8 * HOUR_MS, 0, -MINUTE_MS))  # of figures, so long ago
WAITED, RAN = WAIT + cell_of(40), RUN + cell_of(120)
OF_A_MOMENT = Figures({BEGUN: 500, SUCCEEDED: 400, FAILED: 100, WAITED: 500, RAN: 500})


@dataclass(frozen=True, slots=True)
class Share:
    """How many jobs are in which state, of so many."""

    jobs: int

    @property
    def queued(self) -> int:
        return self.jobs * 6 // 10

    @property
    def scheduled(self) -> int:
        return self.jobs * 2 // 10

    @property
    def ended(self) -> int:
        return self.jobs - self.queued - self.scheduled - RUNNING


class Filling:
    """Fills the store of one app."""

    def __init__(self, app: Ardiq, jobs: int) -> None:
        self._app = app
        self._share = Share(jobs)
        self._chance = random.Random(1)
        self._epoch, self._call = new_epoch(), 0

    async def fill(self) -> None:
        """First what ended, so that it does not stand behind what waits; last what runs."""
        broker = self._app.broker
        await broker.register(WorkerCard(self._epoch, "web-1:4711", "web-1", 4711, 2 * RUNNING, await broker.now_ms()))
        for number in steps(self._share.ended):
            await broker.enqueue(await self._jobs(number))
            await self._turn([self._end(one) for one in await self._taken(number)], 0)
        for number in steps(self._share.scheduled):
            await broker.enqueue(await self._jobs(number, is_later=True))
        for number in steps(self._share.queued + RUNNING):
            await broker.enqueue(await self._jobs(number))
        await self._taken(RUNNING)
        await self._tell_figures()

    async def _jobs(self, number: int, is_later: bool = False) -> list[StagedJob]:
        now, call = await self._app.broker.now_ms(), self._app.encode([[4711, {"email": "anna@example.org"}], {}])
        return [
            StagedJob(
                FORMAT,
                new_id(),
                self._chance.choice(TASKS),
                self._chance.choice(LANES),
                call,
                now,
                delay_ms=self._chance.randrange(DAY_MS, 7 * DAY_MS) if is_later else 0,
            )
            for _ in range(number)
        ]

    async def _taken(self, number: int) -> list[Delivery]:
        taken: list[Delivery] = []
        while len(taken) < number:
            taken += await self._turn((), number - len(taken))
        return taken

    async def _turn(self, outcomes: Sequence[Outcome], want: int) -> list[Delivery]:
        self._call += 1
        turn = Exchange(self._epoch, self._call, "web-1:4711", outcomes, want, LANES, {}, 0)
        return list((await self._app.broker.exchange(turn)).deliveries)

    async def _tell_figures(self) -> None:
        broker = self._app.broker
        for number, ago_ms in enumerate(MOMENTS, 1):
            broker.skew_ms = -ago_ms
            await broker.report(self._epoch, number, dict.fromkeys(TASKS, OF_A_MOMENT))
        broker.skew_ms = 0

    def _end(self, delivery: Delivery) -> Outcome:
        finish = delivery.job.enqueued_ms + self._chance.randrange(5, 500)
        start = finish - 5
        if self._chance.random() < 0.8:
            return Succeeded(delivery, start, finish, self._app.encode({"sent": True}), TTL_MS)
        error = self._chance.choice(ERRORS)
        told = f'Traceback (most recent call last):\n  File "shop/tasks.py", line 12, in invoice\n{error}: no answer'
        attempt = Attempt(1, "failed", start, finish, "web-1:4711", error, "no answer", told, "")
        return Failed(delivery, attempt, f"{error}('no answer')", TTL_MS)


def steps(number: int) -> Iterator[int]:
    """So many, at most `STEP` at a time."""
    while number > 0:
        yield min(STEP, number)
        number -= STEP
