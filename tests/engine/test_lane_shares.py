"""Weights and limits of lanes: what is shared by them, and by whom."""

import asyncio
from collections import Counter

from ardiq_django import current_task
from tests.engine.house import House, end_of, until

DEEP = 150
SEEN = 100


async def test_lanes_that_are_never_empty_are_served_in_the_proportion_of_their_weights(house: House) -> None:
    app = house.app(concurrency=1, weights={"low": 1, "default": 3})
    order: list[str] = []

    @app.task
    async def note(lane: str) -> None:
        order.append(lane)

    for lane in ("low", "default"):
        await app.enqueue_many(note.options(priority=lane).prepare(lane) for _ in range(DEEP))
    async with house.working(app):
        await until(lambda: len(order) >= SEEN)

    # drawn by chance: of a hundred from either lane 25 are expected, give or take four
    assert 5 <= Counter(order[:SEEN])["low"] <= 45


async def test_a_lane_without_a_weight_counts_as_one(house: House) -> None:
    app = house.app(concurrency=1, weights={"high": 3})
    order: list[str] = []

    @app.task
    async def note(lane: str) -> None:
        order.append(lane)

    for lane in ("low", "high"):
        await app.enqueue_many(note.options(priority=lane).prepare(lane) for _ in range(DEEP))
    async with house.working(app):
        await until(lambda: len(order) >= SEEN)

    assert 5 <= Counter(order[:SEEN])["low"] <= 45


async def test_without_weights_a_higher_lane_is_drained_first(house: House) -> None:
    app = house.app(concurrency=1)
    order: list[str] = []

    @app.task
    async def note(lane: str) -> None:
        order.append(lane)

    for lane in ("low", "high", "default"):
        await app.enqueue_many(note.options(priority=lane).prepare(lane) for _ in range(20))
    await house.burst(app)

    assert order == ["high"] * 20 + ["default"] * 20 + ["low"] * 20


async def test_a_limit_is_that_of_each_worker_and_lane(house: House) -> None:
    limits, lanes = {"low": 1, "default": 2}, ("low", "default", "high")
    apps = [house.app(concurrency=20, limits=limits, worker_id=f"w{number}") for number in range(2)]
    let_go = asyncio.Event()
    running: Counter[tuple[str, str]] = Counter()
    most: Counter[tuple[str, str]] = Counter()

    async def hold(lane: str) -> None:
        here = current_task().worker_id, lane
        running[here] += 1
        most[here] = max(most[here], running[here])
        await let_go.wait()
        running[here] -= 1

    first, second = [app.task(hold) for app in apps]
    jobs = await apps[0].enqueue_many(first.options(priority=lane).prepare(lane) for lane in lanes for _ in range(8))
    async with house.working(*apps):
        # what the limits let through, of both workers, and all of the lane that has none
        await until(lambda: sum(running.values()) == 2 * (1 + 2) + 8)
        let_go.set()
        for job in jobs:
            await end_of(job)

    assert second.name == first.name
    assert {here: number for here, number in most.items() if here[1] != "high"} == {
        (worker, lane): limits[lane] for worker in ("w0", "w1") for lane in limits
    }
