"""A worker's hold on its jobs: its epoch, its calls, and what it holds, kept in step with the broker."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ardiq_django.clock import new_epoch
from ardiq_django.exceptions import BrokerError
from ardiq_django.wire import Exchange, Outcome, Turn, WorkerCard
from ardiq_django.worker.upkeep import Patience

if TYPE_CHECKING:
    from ardiq_django.brokers import Broker


class Lease:
    """One registration of a worker. `held` maps every id whose end the broker has not confirmed to its claim."""

    def __init__(self, broker: "Broker", card: WorkerCard, patience: Patience) -> None:
        self._broker = broker
        self._card = card
        self._patience = patience
        self.call = 0  # the last exchange whose answer has arrived
        self.held: dict[str, int] = {}
        self.renewed_s = time.monotonic()
        self._pending: Exchange | None = None
        self._sleep: asyncio.Timeout | None = None

    @property
    def epoch(self) -> str:
        return self._card.epoch

    @classmethod
    async def begin(cls, broker: "Broker", card: WorkerCard, patience: Patience) -> "Lease":
        """Register under a fresh epoch, however long the broker takes to answer."""
        fresh = WorkerCard(new_epoch(), card.worker_id, card.host, card.pid, card.concurrency, card.started_ms)
        while True:
            try:
                await broker.register(fresh)
            except BrokerError as error:
                await patience.endure(error)
            else:
                patience.relax()
                return cls(broker, fresh, patience)

    async def renew(self) -> None:
        """Have it last for its full time again; on any event loop, also in another thread. Raises `LeaseLost`."""
        asked_s = time.monotonic()
        await self._broker.renew(self.epoch)
        self.renewed_s = asked_s

    async def exchange(
        self, outcomes: Sequence[Outcome], want: int, lanes: Sequence[str], caps: dict[str, int], running: int
    ) -> Turn:
        """One turn, sent again under the same number until it is answered; raises `LeaseLost`."""
        return await self._answer_to(self._next(outcomes, want, lanes, caps, running))

    async def claim(self, want: int, lanes: Sequence[str], caps: dict[str, int], timeout_s: float) -> Turn:
        """A turn of one who holds nothing, once there is something to claim or the time is over; raises `LeaseLost`."""
        turn = self._pending = self._next((), want, lanes, caps, 0)
        try:
            async with asyncio.timeout(None) as self._sleep:
                try:
                    answer = await self._broker.claim(turn, timeout_s)
                finally:
                    self._sleep = None
        except TimeoutError:
            return await self.finish_pending()
        except BrokerError:
            return await self._answer_to(turn)
        return self._answered(turn, answer)

    def forget(self, job_id: str, claim: int) -> None:
        """This is held no more, by the broker's word, or by what was written elsewhere."""
        if self.held.get(job_id) == claim:
            del self.held[job_id]

    def cut_short(self) -> None:
        """Let a `claim` that sleeps return at once, with what it has got."""
        sleep, self._sleep = self._sleep, None
        if sleep:
            sleep.reschedule(0)

    def _next(
        self, outcomes: Sequence[Outcome], want: int, lanes: Sequence[str], caps: dict[str, int], running: int
    ) -> Exchange:
        return Exchange(self.epoch, self.call + 1, self._card.worker_id, outcomes, want, lanes, caps, running)

    async def finish_pending(self) -> Turn:
        """Bring the turn that was cut off, if any, to its answer, claiming nothing more; only then may another come."""
        if self._pending is None:
            return Turn((), ())
        return await self._answer_to(replace(self._pending, want=0))

    async def _answer_to(self, turn: Exchange) -> Turn:
        self._pending = turn
        while True:
            try:
                answer = await self._broker.exchange(turn)
            except BrokerError as error:
                await self._patience.endure(error)
                continue
            return self._answered(turn, answer)

    def _answered(self, turn: Exchange, answer: Turn) -> Turn:
        self._patience.relax()
        self._pending = None
        self.renewed_s = time.monotonic()
        self.call = turn.call
        held = self.held
        for outcome in turn.outcomes:
            held.pop(outcome.delivery.job.id, None)
        for delivery in answer.deliveries:
            held[delivery.job.id] = delivery.claim
        return answer
