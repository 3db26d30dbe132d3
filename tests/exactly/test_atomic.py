"""Atomic tasks: what the body did and the end of its job are committed together, or not at all."""

import threading
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from ardiq_django import Ardiq, Retry, current_task
from ardiq_django.models import Job
from ardiq_django.results import State
from ardiq_django.statistics import Resolution
from ardiq_django.wire import Answer, Beat
from tests.engine.house import House, end_of, seen, until
from tests.exactly.conftest import ALIASES, on
from tests.exactly.effects import apart, bought, buy

# while an atomic body runs, a file of SQLite takes no other write: nobody can abort it, or take it away
SERVERS = pytest.mark.parametrize("alias", [on(alias) for alias in ALIASES if alias != "default"])


def all_there_is(app: Ardiq) -> Any:
    """The figures of the queue so far."""
    return app.broker.totals(Resolution.HOUR, 0, 2**52)


async def test_its_effects_and_its_result_are_there(house: House, alias: str) -> None:
    app = house.app()

    @app.task(atomic=alias)
    def charge(price: int) -> int:
        buy(alias, house.queue)
        return price + 1

    async with house.working(app):
        result = await end_of(await charge.enqueue(7))

    assert (result.success, result.value, result.tries, result.state) == (True, 8, 1, State.SUCCEEDED)
    assert result.finish >= result.start > 0
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_what_is_stored_of_it_is_what_is_stored_of_any_success(house: House, alias: str) -> None:
    app = house.app()

    @app.task(atomic=alias)
    def charge() -> str:
        return "done"

    @app.task
    def ordinary() -> str:
        return "done"

    async with house.working(app):
        jobs = [await charge.enqueue(), await ordinary.enqueue()]
        for job in jobs:
            await end_of(job)
        stored = [await app.broker.get(job.id) for job in jobs]

    shown = [
        (one.state, one.end.worker, one.end.ttl_ms, one.end.tries, one.end.crashes, one.end.value)
        for one in stored
        if one and one.end
    ]
    assert len(shown) == 2
    assert shown[0] == shown[1]
    assert shown[0][1] == app.worker_id


async def test_an_error_rolls_back_and_the_next_attempt_begins_anew(house: House, alias: str) -> None:
    app = house.app()

    @app.task(atomic=alias)
    def charge() -> int:
        buy(alias, house.queue)
        if current_task().tries < 3:
            raise Retry
        return current_task().tries

    async with house.working(app):
        result = await end_of(await charge.enqueue())

    assert (result.value, len(result.attempts)) == (3, 2)
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_one_that_fails_leaves_nothing(house: House, alias: str) -> None:
    app = house.app()

    @app.task(atomic=alias, max_retries=0)
    def charge() -> None:
        buy(alias, house.queue)
        raise ValueError("no money")

    @app.task(atomic=alias, max_retries=0)
    def unkeepable() -> object:
        buy(alias, house.queue)
        return object()

    async with house.working(app):
        found = [await end_of(await task.enqueue()) for task in (charge, unkeepable)]

    assert [one.success for one in found] == [False, False]
    assert "cannot be kept" in found[1].value
    assert await apart(lambda: bought(alias, house.queue)) == 0


async def test_jobs_enqueued_in_the_body_come_with_the_commit_or_not_at_all(house: House, alias: str) -> None:
    app = house.app()

    @app.task
    def ship() -> None:
        """Follows."""

    @app.task(atomic=alias)
    def charge() -> None:
        ship.options(task_id=f"ship {current_task().tries}").enqueue_sync()
        if current_task().tries == 1:
            raise Retry

    async with house.working(app):
        await end_of(await charge.enqueue())
        await end_of(app.job("ship 2"))

    assert await app.broker.get("ship 1") is None


async def test_hooks_of_the_commit_run_when_the_job_has_ended(house: House, alias: str) -> None:
    app = house.app()
    states: list[str] = []

    def look() -> None:
        snapshot = app.broker.run_sync(app.broker.get("mine"))
        states.append(snapshot.state if snapshot else "gone")

    @app.task(atomic=alias)
    def charge() -> None:
        transaction.on_commit(look, using=alias)
        if current_task().tries == 1:
            raise Retry

    async with house.working(app):
        result = await end_of(await charge.options(task_id="mine").enqueue())
        await until(lambda: bool(states))

    assert result.success
    assert states == [State.SUCCEEDED]


async def test_a_hook_that_raises_is_told_and_changes_nothing(
    house: House, alias: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app()

    def fail() -> None:
        raise ValueError("too late")

    @app.task(atomic=alias)
    def charge() -> int:
        buy(alias, house.queue)
        transaction.on_commit(fail, using=alias)
        return current_task().tries

    async with house.working(app):
        result = await end_of(await charge.enqueue())
        await until(lambda: "on_commit hook failed" in caplog.text)

    assert (result.success, result.value) == (True, 1)
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_a_commit_whose_answer_is_lost_counts(house: House, alias: str, caplog: pytest.LogCaptureFixture) -> None:
    app = house.app()

    @app.task(atomic=alias)
    def charge() -> int:
        connection = connections[alias]
        commit = connection._commit  # type: ignore[attr-defined]

        def lose_the_answer() -> None:
            commit()
            raise OperationalError("server closed the connection unexpectedly")

        connection._commit = lose_the_answer  # type: ignore[attr-defined]
        buy(alias, house.queue)
        return current_task().tries

    async with house.working(app):
        result = await end_of(await charge.enqueue())
        await until(lambda: "outcome refused" in caplog.text)

    assert (result.success, result.value, result.attempts) == (True, 1, ())
    assert await apart(lambda: bought(alias, house.queue)) == 1


async def test_what_a_beat_says_of_one_that_has_committed_is_not_taken_for_a_loss(
    house: House, alias: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = house.app(idle_timeout_ms=1_000)
    told: list[str] = []
    go_on = threading.Event()
    beat = app.broker.beat

    async def heard(*given: Any) -> Beat:
        found = await beat(*given)
        told.extend(found.lost)
        return found

    monkeypatch.setattr(app.broker, "beat", heard)

    @app.task(atomic=alias)
    def charge() -> None:
        transaction.on_commit(lambda: go_on.wait(15), using=alias)

    async with house.working(app):
        job = await charge.enqueue()
        assert (await end_of(job)).success
        await until(lambda: job.id in told)
        go_on.set()

    assert "job lost" not in caplog.text
    assert (await all_there_is(app))["charge"].succeeded == 1


async def test_a_timeout_rolls_back(house: House, alias: str) -> None:
    app = house.app()

    @app.task(atomic=alias, timeout=0.05, max_retries=0)
    def charge() -> None:
        buy(alias, house.queue)
        while not current_task().aborted:
            threading.Event().wait(0.005)

    async with house.working(app):
        result = await end_of(await charge.enqueue())

    assert result.value == "timed out after 0.05s"
    assert await apart(lambda: bought(alias, house.queue)) == 0


@SERVERS
async def test_an_abort_rolls_back(house: House, alias: str) -> None:
    app = house.app()
    begun = threading.Event()

    @app.task(atomic=alias)
    def charge() -> None:
        begun.set()
        while not current_task().aborted:
            threading.Event().wait(0.005)
        buy(alias, house.queue)

    async with house.working(app):
        job = await charge.enqueue()
        await seen(begun)
        await job.abort()
        result = await end_of(job)

    assert result.aborted
    assert await apart(lambda: bought(alias, house.queue)) == 0


@SERVERS
async def test_who_has_lost_the_job_leaves_nothing(house: House, alias: str, caplog: pytest.LogCaptureFixture) -> None:
    app = house.app()
    begun, go_on = threading.Event(), threading.Event()

    @app.task(atomic=alias)
    def charge() -> None:
        begun.set()
        go_on.wait(15)
        buy(alias, house.queue)

    async with house.working(app):
        job = await charge.enqueue()
        await seen(begun)
        epoch = (await app.broker.workers())[0].card.epoch
        await app.broker.leave(epoch)
        assert await app.broker.abort([job.id]) == [Answer.DONE]
        go_on.set()
        await until(lambda: "job lost" in caplog.text or "lease lost" in caplog.text)

    assert await house.state(job) is State.ABORTED
    assert await apart(lambda: bought(alias, house.queue)) == 0


@SERVERS
async def test_who_hears_that_the_job_is_lost_leaves_nothing_and_forgets_it(
    house: House, alias: str, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app(idle_timeout_ms=1_000)
    begun, go_on = threading.Event(), threading.Event()

    @app.task(atomic=alias)
    def charge() -> None:
        buy(alias, house.queue)
        begun.set()
        go_on.wait(15)

    async with house.working(app):
        job = await charge.enqueue()
        await seen(begun)
        await apart(lambda: Job.objects.using(alias).filter(job_id=job.id).update(epoch="another's"))
        await until(lambda: "job lost" in caplog.text)
        assert app._worker
        assert app._worker._lease.held == {}
        go_on.set()

    assert await house.state(job) is State.RUNNING
    assert await apart(lambda: bought(alias, house.queue)) == 0


async def test_it_is_counted_and_logged_as_any_other(
    house: House, alias: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "ardiq.worker")
    app = house.app()

    @app.task(atomic=alias)
    def charge() -> None:
        buy(alias, house.queue)

    async with house.working(app):
        jobs = [await charge.enqueue() for _ in range(20)]
        for job in jobs:
            await end_of(job)

    figures = (await all_there_is(app))["charge"]
    assert (figures.begun, figures.succeeded) == (20, 20)
    assert sum("job succeeded" in line for line in caplog.messages) == 20
