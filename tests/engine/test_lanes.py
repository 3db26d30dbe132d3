"""Lanes beyond their order: fair shares, caps, and a queue that is paused."""

import asyncio

import pytest

from ardiq_django import State
from tests.engine.house import House, end_of, soon


async def test_weights_keep_a_low_lane_from_starving(house: House) -> None:
    app = house.app(concurrency=1, weights={"low": 1, "default": 1, "high": 3})
    order: list[str] = []

    @app.task
    async def note(lane: str) -> None:
        order.append(lane)

    await app.enqueue_many(note.options(priority="low").prepare("low") for _ in range(3))
    await app.enqueue_many(note.options(priority="high").prepare("high") for _ in range(150))
    await house.burst(app)

    assert order.index("low") < 100
    assert len(order) == 153


async def test_a_cap_holds_a_lane_back_and_lets_the_others_pass(house: House) -> None:
    app = house.app(concurrency=4, limits={"low": 1}, poll_block_ms=60_000)
    let_go = asyncio.Event()
    running, most = 0, 0

    @app.task(priority="low")
    async def heavy() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await let_go.wait()
        running -= 1

    @app.task(priority="default")
    async def light() -> str:
        return "passed"

    async with house.working(app):
        capped = await app.enqueue_many(heavy.prepare() for _ in range(5))
        await house.until_state(capped[0], State.RUNNING)
        for _ in range(3):
            assert (await end_of(await light.enqueue())).value == "passed"
        let_go.set()
        for job in capped:
            await end_of(job)

    assert most == 1


async def test_a_capped_lane_does_not_make_the_worker_spin(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    app = house.app(concurrency=4, limits={"low": 1}, poll_block_ms=200)
    let_go = asyncio.Event()
    turns = 0
    exchange = app.broker.exchange

    async def counted(turn: object) -> object:
        nonlocal turns
        turns += 1
        return await exchange(turn)  # type: ignore[arg-type]

    monkeypatch.setattr(app.broker, "exchange", counted)

    @app.task(priority="low")
    async def heavy() -> None:
        await let_go.wait()

    async with house.working(app):
        jobs = await app.enqueue_many(heavy.prepare() for _ in range(3))
        await house.until_state(jobs[0], State.RUNNING)
        began = turns
        await asyncio.sleep(0.5)  # a rate is what is measured
        let_go.set()
        for job in jobs:
            await end_of(job)

    assert turns - began < 40


async def test_a_paused_queue_hands_out_nothing_until_it_is_resumed(house: House) -> None:
    app, elsewhere = house.app(poll_block_ms=60_000), house.app()
    ran = asyncio.Event()

    @app.task
    async def note() -> None:
        ran.set()

    await elsewhere.broker.pause()
    async with house.working(app):
        job = await note.enqueue()
        await elsewhere.queue_size()
        assert await house.state(job) is State.QUEUED
        await elsewhere.broker.resume()
        await soon(ran.wait())


async def test_a_cleared_queue_is_empty_and_what_ran_stays(house: House) -> None:
    app = house.app(concurrency=1)
    let_go = asyncio.Event()

    @app.task
    async def hold() -> str:
        await let_go.wait()
        return "done"

    async with house.working(app):
        running = await hold.enqueue()
        await house.until_state(running, State.RUNNING)
        waiting = [await hold.enqueue(), await hold.options(delay_ms=60_000).enqueue()]
        assert await app.broker.clear() == 2
        assert [await job.status() for job in waiting] == ["not_found"] * 2
        let_go.set()
        assert (await end_of(running)).value == "done"
    assert await app.queue_size() == 0
