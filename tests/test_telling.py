"""A worker tells its figures exactly once, whatever becomes of the replies."""

from collections.abc import Mapping

import pytest

from ardiq_django import Ardiq
from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.clock import new_epoch, new_id, now_ms
from ardiq_django.config import QueueRules
from ardiq_django.exceptions import BrokerError
from ardiq_django.statistics import Figures, Resolution
from ardiq_django.wire import FORMAT, Delivery, StagedJob, WorkerCard
from ardiq_django.worker.statistics import Statistics


class Unreliable(MemoryBroker):
    """Loses what is sent to it, or what it answers, as often as it is told to."""

    lost_calls = 0
    lost_replies = 0

    async def report(self, epoch: str, number: int, figures: Mapping[str, Figures]) -> None:
        if self.lost_calls:
            self.lost_calls -= 1
            raise BrokerError("the call was lost")
        await super().report(epoch, number, figures)
        if self.lost_replies:
            self.lost_replies -= 1
            raise BrokerError("the reply was lost")

    async def registered(self) -> str:
        epoch = new_epoch()
        await self.register(WorkerCard(epoch, "a"))
        return epoch

    async def begun(self) -> int:
        return sum(point.figures.begun for point in await self.series(Resolution.HOUR, 0, now_ms() + 60_000))


@pytest.fixture
def broker() -> Unreliable:
    return Unreliable("memory://", QueueRules())


def deliveries(number: int) -> list[Delivery]:
    return [Delivery(StagedJob(FORMAT, new_id(), "mail", "default", b"", now_ms()), 1) for _ in range(number)]


async def test_what_is_told_again_after_a_lost_reply_counts_once(broker: Unreliable) -> None:
    told, epoch = Statistics(broker), await broker.registered()
    broker.lost_replies = 2
    told.begun(deliveries(3), now_ms())
    for _ in range(2):
        with pytest.raises(BrokerError):
            await told.tell(epoch)
        told.begun(deliveries(1), now_ms())

    await told.tell(epoch)
    await told.tell(epoch)

    assert await broker.begun() == 5


async def test_what_was_not_taken_is_told_later(broker: Unreliable) -> None:
    told, epoch = Statistics(broker), await broker.registered()
    broker.lost_calls = 1
    told.begun(deliveries(3), now_ms())
    with pytest.raises(BrokerError):
        await told.tell(epoch)

    await told.tell(epoch)

    assert await broker.begun() == 3


async def test_what_a_lost_epoch_refused_is_told_in_the_next(broker: Unreliable) -> None:
    told, first = Statistics(broker), await broker.registered()
    told.begun(deliveries(2), now_ms())
    await told.tell(first)
    await broker.leave(first)
    told.begun(deliveries(3), now_ms())
    await told.tell(first)

    for epoch in (await broker.registered(), await broker.registered()):
        await told.tell(epoch)
        told.begun(deliveries(1), now_ms())

    assert await broker.begun() == 2 + 3 + 1


async def test_what_may_have_been_counted_in_a_lost_epoch_is_not_told_again(broker: Unreliable) -> None:
    told, first = Statistics(broker), await broker.registered()
    broker.lost_replies = 1
    told.begun(deliveries(3), now_ms())
    with pytest.raises(BrokerError):
        await told.tell(first)
    await broker.leave(first)
    await told.tell(first)
    told.begun(deliveries(4), now_ms())

    second = await broker.registered()
    await told.tell(second)
    await told.tell(second)

    assert await broker.begun() == 3 + 4


async def test_nothing_new_is_no_report(broker: Unreliable) -> None:
    broker.lost_calls = 1

    await Statistics(broker).tell("never-registered")

    assert broker.lost_calls == 1


async def test_a_worker_whose_figures_are_refused_leaves_all_the_same(broker: Unreliable) -> None:
    app = Ardiq("memory://", burst=True)
    app._broker = broker
    broker.lost_calls = 100

    @app.task
    async def nothing() -> None: ...

    job = await nothing.enqueue()
    await app.run()

    assert broker.lost_calls == 99
    assert await job.result() is not None
    assert await broker.workers() == []
