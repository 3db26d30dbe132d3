"""A worker's hold on its jobs: its epoch, its calls, and what it holds, kept in step with the broker."""

from collections.abc import Sequence
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
        self._pending: Exchange | None = None

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

    async def exchange(
        self, outcomes: Sequence[Outcome], want: int, lanes: Sequence[str], caps: dict[str, int], running: int
    ) -> Turn:
        """One turn, sent again under the same number until it is answered; raises `LeaseLost`."""
        turn = Exchange(self.epoch, self.call + 1, self._card.worker_id, outcomes, want, lanes, caps, running)
        return await self._answer_to(turn)

    async def finish_pending(self) -> None:
        """Bring the turn that was cut off, if any, to its answer: only then may another one follow."""
        if self._pending is not None:
            await self._answer_to(self._pending)

    async def _answer_to(self, turn: Exchange) -> Turn:
        self._pending = turn
        while True:
            try:
                answer = await self._broker.exchange(turn)
            except BrokerError as error:
                await self._patience.endure(error)
                continue
            self._patience.relax()
            self._remember(turn, answer)
            self._pending = None
            return answer

    def _remember(self, turn: Exchange, answer: Turn) -> None:
        self.call = turn.call
        held = self.held
        for outcome in turn.outcomes:
            held.pop(outcome.delivery.job.id, None)
        for delivery in answer.deliveries:
            held[delivery.job.id] = delivery.claim
