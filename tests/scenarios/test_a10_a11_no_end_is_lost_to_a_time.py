"""A10, A11: windows and results that are over while a job is on its way take neither its end nor its abort along."""

import asyncio

from ardiq_django import Job, State, current_task
from tests.engine.house import House, end_of, soon, until


async def test_a_failing_job_whose_window_is_over_is_tried_to_its_end(house: House) -> None:
    app = house.app()

    @app.task(max_retries=5, backoff_ms=[1], expire_ms=15_000)
    async def fail() -> None:
        house.travel(20_000)
        raise ValueError(current_task().tries)

    job = await fail.enqueue()
    async with house.working(app):
        result = await end_of(job)

    assert (result.success, result.expired, result.tries, result.value) == (False, False, 6, "ValueError(6)")


async def test_a_delayed_job_whose_window_is_over_first_ends_as_expired(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    job = await note.options(delay_ms=100, expire_ms=200).enqueue()
    await until(lambda: is_over(house, job.id))
    await house.burst(app)

    assert (await end_of(job)).expired
    assert await job.status() == "complete"


async def is_over(house: House, job_id: str) -> bool:
    return await house.state(job_id) is State.EXPIRED


async def test_an_aborted_job_never_runs_however_long_its_queue_is_blocked(house: House) -> None:
    app = house.app(concurrency=1, result_ttl_ms=50)
    let_go = asyncio.Event()
    runs: list[str] = []

    @app.task
    async def note(name: str) -> None:
        runs.append(name)
        if name == "first":
            await let_go.wait()

    async with house.working(app):
        first = await note.enqueue("first")
        await house.until_state(first, State.RUNNING)
        unwanted, last = await note.enqueue("unwanted"), await note.enqueue("last")
        assert await unwanted.abort()
        await until(lambda: no_result(app.job(unwanted.id)))  # its time is over before its turn comes
        await app.broker.sweep()
        let_go.set()
        await soon(last.result(timeout=10))

    assert runs == ["first", "last"]


async def no_result(job: Job[None]) -> bool:
    return await job.result() is None
