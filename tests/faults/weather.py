"""What a process meets on its way to the broker, drawn by a seed: delays, lost calls, lost answers, standstills."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from functools import partial
from inspect import iscoroutinefunction
from typing import Any

from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.exceptions import BrokerError, LeaseLost
from ardiq_django.wire import Exchange, Turn
from tests.faults.fault import Process
from tests.faults.journal import Journal

SLOW_S = 0.03


class Weather:
    """How bad it is for one run, until it is calm."""

    def __init__(self, chance: random.Random) -> None:
        self.faults = 0
        self.is_calm = False
        self._chance = chance
        self._bad = chance.choice([0.0, 0.02, 0.1, 0.3])
        self._slow_s = chance.choice([0.0, 0.001, SLOW_S])

    def loses(self) -> bool:
        """Whether this call, or its answer, is lost."""
        is_lost = not self.is_calm and self._chance.random() < self._bad
        self.faults += is_lost
        return is_lost

    def delay_s(self) -> float:
        """How long this way takes: what decides who comes first."""
        return self._chance.random() * self._slow_s


class WeatheredBroker:
    """The broker as one process reaches it."""

    def __init__(self, inner: MemoryBroker, process: Process, weather: Weather, journal: Journal) -> None:
        self._inner = inner
        self._process = process
        self._weather = weather
        self._journal = journal
        self._passable = asyncio.Event()
        self._passable.set()

    async def stand_still(self, for_s: float) -> None:
        """For so long nothing of this process reaches the broker; then all of it does."""
        self._passable.clear()
        await asyncio.sleep(for_s)
        self._passable.set()

    def __getattr__(self, name: str) -> Any:
        verb = getattr(self._inner, name)
        return partial(self._ask, verb) if iscoroutinefunction(verb) else verb

    async def claim(self, turn: Exchange, timeout_s: float) -> Turn:
        """As `Broker.claim`: both of its calls on their way through the weather."""
        await self.wait(turn.epoch, timeout_s)
        answer: Turn = await self.exchange(turn)
        return answer

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _ask(self, verb: Callable[..., Awaitable[Any]], *given: Any) -> Any:
        await self._travel()
        try:
            answer = await verb(*given)
        except LeaseLost:
            self._journal.cut_off.add(self._process.name)
            raise
        self._note(given, answer)
        await self._travel()
        return answer

    async def _travel(self) -> None:
        await asyncio.sleep(self._weather.delay_s())
        await self._passable.wait()
        if self._process.is_dead or self._weather.loses():
            raise BrokerError("the weather is bad")

    def _note(self, given: tuple[Any, ...], answer: Any) -> None:
        if isinstance(answer, Turn):
            fences = {one.job.id: f"{given[0].epoch}.{one.claim}" for one in answer.deliveries}
            self._journal.claims.update(fences)
