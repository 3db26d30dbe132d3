"""A burst leaves no job behind where atomic ones end, though another connection than the worker's tells of it."""

import threading
from dataclasses import replace

import pytest

from ardiq_django.clock import new_epoch
from ardiq_django.results import State
from ardiq_django.wire import Exchange, Turn, WorkerCard
from tests.engine.house import SOON_S, House, seen, until
from tests.exactly.effects import apart, bought, buy


async def test_a_burst_ends_with_them(house: House, alias: str) -> None:
    app = house.app(concurrency=3)

    @app.task(atomic=alias)
    def charge() -> None:
        buy(alias, house.queue)

    jobs = [await charge.enqueue() for _ in range(10)]
    await house.burst(app)

    assert [await house.state(job) for job in jobs] == [State.SUCCEEDED] * 10
    assert await apart(lambda: bought(alias, house.queue)) == 10


async def test_a_suspect_that_is_atomic_clears_the_way(house: House, alias: str) -> None:
    app = house.app(concurrency=2)

    @app.task(atomic=alias)
    def charge() -> None:
        buy(alias, house.queue)

    jobs = [await charge.enqueue() for _ in range(3)]
    epoch = new_epoch()
    await app.broker.register(WorkerCard(epoch, "dead"))
    await app.broker.exchange(Exchange(epoch, 1, want=2, lanes=["default"]))
    assert await app.broker.reap([epoch]) == 2
    await house.burst(app)

    assert [await house.state(job) for job in jobs] == [State.SUCCEEDED] * 3


async def test_what_ends_while_the_broker_is_asked_makes_the_worker_look_again(
    house: House, alias: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ardiq.worker")
    app = house.app(concurrency=3)
    begun, may_end = threading.Event(), threading.Event()
    exchange = app.broker.exchange

    @app.task(atomic=alias)
    def charge() -> None:
        begun.set()
        may_end.wait(SOON_S)

    @app.task
    async def ordinary() -> None:
        await seen(begun)

    async def slow(asked: Exchange) -> Turn:
        """Answers that nothing waits after the atomic job has ended, and what waited for that has come."""
        if not asked.outcomes or may_end.is_set():
            return await exchange(asked)
        may_end.set()
        await until(lambda: any("job succeeded" in line for line in caplog.messages))
        nothing_found = await exchange(replace(asked, want=0))
        jobs.append(await ordinary.enqueue())
        return nothing_found

    monkeypatch.setattr(app.broker, "exchange", slow)
    jobs = [await charge.enqueue(), await ordinary.enqueue()]
    await house.burst(app)

    assert [await house.state(job) for job in jobs] == [State.SUCCEEDED] * 3
