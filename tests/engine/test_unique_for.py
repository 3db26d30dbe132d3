"""Calls that stay unique for a time after their end."""

from typing import Any

import pytest

from ardiq_django import ConfigError, JobConflict
from tests.engine.house import House, end_of

HOUR_MS = 3_600_000


async def test_a_duplicate_within_the_time_gets_the_job_that_ended(house: House) -> None:
    app = house.app()
    runs: list[int] = []

    @app.task(unique_for_ms=HOUR_MS)
    async def bill(order: int) -> str:
        runs.append(order)
        return f"billed {order}"

    first = await bill.enqueue(7)
    in_flight = await bill.enqueue(order=7)
    await house.burst(app)
    ended = await bill.enqueue(7)
    other = await bill.enqueue(8)
    await house.burst(app)

    assert [(job.id, job.created) for job in (in_flight, ended)] == [(first.id, False)] * 2
    assert (await end_of(ended)).value == "billed 7"
    assert other.created
    assert runs == [7, 8]
    house.travel(HOUR_MS + 1_000)
    assert (await bill.enqueue(7)).created


async def test_the_time_may_be_said_by_the_call(house: House) -> None:
    app = house.app()

    @app.task
    async def bill(order: int) -> None: ...

    once = bill.options(unique_for_ms=HOUR_MS)
    calls: list[Any] = [once, bill.options(task_id="mine", unique_for_ms=HOUR_MS)]
    first = [await call.enqueue(7) for call in calls]
    await house.burst(app)
    again = [await call.enqueue(7) for call in calls]

    assert [job.created for job in first + again] == [True, True, False, False]
    assert (await bill.enqueue(7)).created
    with pytest.raises(JobConflict, match="'mine'"):
        await bill.options(task_id="mine").enqueue(8)


async def test_a_call_may_do_without_the_time_of_its_task(house: House) -> None:
    app = house.app()

    @app.task(unique_for_ms=HOUR_MS)
    async def bill(order: int) -> None: ...

    free = await bill.options(unique=False).enqueue(7)
    short = await bill.options(unique=True, unique_for_ms=0).enqueue(7)
    await house.burst(app)

    assert free.id != short.id
    assert (await bill.options(unique=True, unique_for_ms=0).enqueue(7)).created


async def test_a_time_that_makes_no_sense_is_refused(house: House) -> None:
    app = house.app()
    task = app.task(name="note")(print)

    wrongs: tuple[Any, ...] = (-1, 1.5, "x", True)
    for wrong in wrongs:
        with pytest.raises(ConfigError, match="unique_for_ms="):
            task.options(unique_for_ms=wrong)
        with pytest.raises(ConfigError, match="unique_for_ms="):
            app.task(unique_for_ms=wrong)(print)
    with pytest.raises(ConfigError, match="a call is unique for a time, or not"):
        task.options(unique=False, unique_for_ms=1)
