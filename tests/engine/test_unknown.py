"""A rolling deploy: jobs of tasks that this worker's code does not know yet."""

import logging

import pytest

from tests.engine.house import House, end_of


async def test_a_job_of_an_unknown_task_waits_for_a_worker_that_knows_it(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    producer, old, new = house.app(), house.app(), house.app()

    @new.task(name="next_release")
    async def next_release(number: int) -> int:
        return number + 1

    job = await producer.send("next_release", 1)
    with caplog.at_level(logging.WARNING, "ardiq"):
        await house.burst(old)
    assert f"job put back id={job.id} task=next_release" in caplog.text
    assert "no task of this name is registered here" in caplog.text
    assert await job.status() == "scheduled"
    house.travel(1_100)
    await house.burst(new)
    result = await end_of(job)

    assert (result.value, result.tries, result.attempts) == (2, 1, ())


async def test_the_waits_grow_until_the_grace_is_over(house: House) -> None:
    app = house.app(unknown_task_grace_s=5)
    job = await app.send("never_heard_of")
    waits: list[int] = []

    for _ in range(10):
        await house.burst(app)
        snapshot = await app.broker.get(job.id)
        assert snapshot is not None
        if snapshot.state.ended:
            break
        waits.append(round((snapshot.due_ms - snapshot.now_ms) / 1000))
        house.travel(snapshot.due_ms - snapshot.now_ms + 10)

    assert waits == [1, 2, 4]
    result = await job.result()
    assert result is not None
    assert (result.success, result.value) == (False, "no task 'never_heard_of' is registered here")


async def test_without_a_grace_an_unknown_task_fails_at_once(house: House) -> None:
    app = house.app(unknown_task_grace_s=0)
    job = await app.send("never_heard_of")

    async with house.working(app):
        result = await end_of(job)

    assert (result.success, result.tries) == (False, 1)


async def test_a_failed_job_of_a_task_that_is_known_again_can_be_run_again(house: House) -> None:
    old, new = house.app(unknown_task_grace_s=0), house.app()

    @new.task(name="back_again")
    async def back_again() -> int:
        return 1

    job = await old.send("back_again")
    await house.burst(old)
    assert await job.retry()
    await house.burst(new)

    assert (await end_of(job)).value == 1


async def test_two_workers_of_two_releases_share_a_queue(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardiq_django.worker.executor.UNKNOWN_FIRST_MS", 20)
    monkeypatch.setattr("ardiq_django.worker.executor.UNKNOWN_MOST_MS", 20)
    old, new = house.app(), house.app()

    @old.task(name="both")
    async def in_old() -> str:
        return "ran"

    new.task(name="both")(in_old.fn)
    new.task(name="new")(in_old.fn)

    async with house.working(old, new):
        jobs = [await new.send(name) for name in ("both", "new") * 4]
        results = [await end_of(job) for job in jobs]

    assert [result.value for result in results] == ["ran"] * 8
