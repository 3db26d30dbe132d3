"""Enqueuing inside a transaction: the job is there exactly when the transaction is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from asgiref.sync import async_to_sync
from django.db import transaction

from ardiq_django import Ardiq, ArdiqError, BrokerError, Job, JobConflict, PreparedTask, QueueFull, bridge
from tests.database.conftest import ALIASES
from tests.engine.house import House
from tests.services import free_port
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["memory", "redis"])
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    """A queue on each broker that is not in the database, for callers without a loop."""
    made = House("memory://" if request.param == "memory" else str(request.getfixturevalue("redis_url")))
    yield made
    bridge.run(made.close())


@contextmanager
def undone(using: str = "default") -> Iterator[None]:
    """An atomic block that is rolled back at its end."""
    with transaction.atomic(using=using):
        yield
        transaction.set_rollback(True, using=using)


def enqueue_sync(task: Any, *args: Any) -> Job[Any]:
    job: Job[Any] = task.enqueue_sync(*args)
    return job


def enqueue_under_async_to_sync(task: Any, *args: Any) -> Job[Any]:
    async def view() -> Job[Any]:
        job: Job[Any] = await task.enqueue(*args)
        return job

    return async_to_sync(view)()


def enqueue_itself_under_async_to_sync(task: Any, *args: Any) -> Job[Any]:
    job: Job[Any] = async_to_sync(task.enqueue)(*args)
    return job


WAYS = [enqueue_sync, enqueue_under_async_to_sync, enqueue_itself_under_async_to_sync]
Way = Callable[..., Job[Any]]


@pytest.mark.parametrize("enqueue", WAYS)
def test_a_job_is_sent_when_the_transaction_commits(house: House, enqueue: Way) -> None:
    app = house.app()
    task = app.task(name="note")(print)

    with transaction.atomic():
        job = enqueue(task, 1)
        assert job.id
        assert [job.created] == [None]
        assert job.status_sync() == "not_found"
        with pytest.raises(ArdiqError, match="is sent when its transaction commits: there is no result to read before"):
            job.result_sync()
        assert app.queue_size_sync() == 0

    assert job.created is True
    assert job.status_sync() == "queued"
    assert job.result_sync() is None


@pytest.mark.parametrize("enqueue", WAYS)
def test_a_job_is_never_sent_when_the_transaction_rolls_back(house: House, enqueue: Way) -> None:
    app = house.app()
    task = app.task(name="note")(print)

    with undone():
        job = enqueue(task, 1)

    assert job.created is None
    assert app.queue_size_sync() == 0


@pytest.mark.parametrize("enqueue", WAYS)
def test_a_savepoint_that_is_undone_takes_its_jobs_along(house: House, enqueue: Way) -> None:
    app = house.app()
    task = app.task(name="note")(print)

    with transaction.atomic():
        kept = enqueue(task, "kept")
        with undone():
            dropped = enqueue(task, "dropped")
        with transaction.atomic():
            inner = enqueue(task, "inner")
        assert inner.created is None

    assert [job.created for job in (kept, inner, dropped)] == [True, True, None]
    assert app.queue_size_sync() == 2


@pytest.mark.parametrize("enqueue", WAYS)
def test_outside_of_a_transaction_a_job_is_sent_at_once(house: House, enqueue: Way) -> None:
    app = house.app()

    job = enqueue(app.task(name="note")(print), 1)

    assert job.created is True
    assert app.queue_size_sync() == 1


def test_views_under_async_to_sync_share_connections(redis_url: str) -> None:
    house = House(redis_url)
    task = house.app().task(name="note")(print)

    def connections_made() -> int:
        with redis.Redis.from_url(redis_url) as client:
            return int(client.info("stats")["total_connections_received"])

    enqueue_under_async_to_sync(task, 0)
    before = connections_made()
    for number in range(10):
        assert enqueue_under_async_to_sync(task, number).created
    made = connections_made() - before
    bridge.run(house.close())

    assert made == 1  # the one that asks


def test_many_jobs_wait_for_the_commit_together(house: House) -> None:
    app = house.app()
    task = app.task(name="note")(print)

    with transaction.atomic():
        jobs = app.enqueue_many_sync([task.prepare(number) for number in range(3)])
        more = async_to_sync(app.enqueue_many)([task.prepare(number) for number in range(2)])
        assert app.queue_size_sync() == 0

    assert [job.created for job in (*jobs, *more)] == [True] * 5


def many_sync(app: Ardiq, prepared: list[PreparedTask]) -> list[Job[Any]]:
    return app.enqueue_many_sync(prepared)


def many_under_async_to_sync(app: Ardiq, prepared: list[PreparedTask]) -> list[Job[Any]]:
    return async_to_sync(app.enqueue_many)(prepared)


@pytest.mark.parametrize("enqueue_many", [many_sync, many_under_async_to_sync])
def test_each_of_many_jobs_waits_for_the_commit_or_not_as_its_task_or_call_says(
    house: House, enqueue_many: Callable[..., list[Job[Any]]]
) -> None:
    app = house.app()
    task = app.task(name="note")(print)
    hasty = app.task(name="hasty", enqueue_on_commit="never")(print)
    now = task.options(enqueue_on_commit="never")

    with undone():
        prepared = [task.prepare(1), now.prepare(2), hasty.prepare(3), task.prepare(4)]
        dropped = enqueue_many(app, prepared)
        assert [job.created for job in dropped] == [None, True, True, None]
        assert app.queue_size_sync() == 2
    with transaction.atomic():
        kept = enqueue_many(app, [task.prepare(5), now.prepare(6)])

    assert [job.id for job in dropped] == [one.id for one in prepared]
    assert [job.created for job in (*dropped, *kept)] == [None, True, True, None, True, True]
    assert app.queue_size_sync() == 4


@pytest.mark.parametrize("where", ["app", "task", "call"])
def test_never_sends_at_once(house: House, where: str) -> None:
    never: dict[str, Any] = {"enqueue_on_commit": "never"}
    app = house.app(**(never if where == "app" else {}))
    declare: Any = app.task(name="note", **(never if where == "task" else {}))
    task = declare(print)
    bound = task.options(**(never if where == "call" else {}))

    with undone():
        jobs = [bound.enqueue_sync(1), enqueue_under_async_to_sync(bound, 2)]
        assert [job.created for job in jobs] == [True, True]
        assert app.queue_size_sync() == 2

    assert app.queue_size_sync() == 2


def test_a_call_may_wait_where_its_task_does_not(house: House) -> None:
    app = house.app(enqueue_on_commit="never")
    task = app.task(name="note", enqueue_on_commit="never")(print)

    with transaction.atomic():
        job = task.options(enqueue_on_commit="auto").enqueue_sync(1)
        assert job.created is None

    assert job.created


def test_a_conflict_is_raised_by_the_commit_hook(house: House) -> None:
    app = house.app()
    task = app.task(name="note")(print)
    task.options(task_id="mine").enqueue_sync(1)

    jobs: list[Job[Any]] = []

    def sell() -> None:
        with transaction.atomic():
            Order.objects.create(name="kept")
            jobs.append(task.options(task_id="mine").enqueue_sync(2))

    with pytest.raises(JobConflict, match="'mine'"):
        sell()

    assert jobs[0].created is False
    assert Order.objects.filter(name="kept").exists()


def test_a_full_queue_is_told_by_the_commit_hook(house: House) -> None:
    app = house.app(max_queue=1)
    task = app.task(name="note")(print)
    jobs: list[Job[Any]] = []

    def sell() -> None:
        with transaction.atomic():
            Order.objects.create(name="kept")
            jobs.extend(app.enqueue_many_sync([task.prepare(1), task.prepare(2)]))

    with pytest.raises(QueueFull, match=f"{app.queue_name}.* is full") as caught:
        sell()

    assert (caught.value.job_id, caught.value.refused) == (jobs[0].id, 2)
    assert [job.created for job in jobs] == [None, None]
    assert jobs[0].status_sync() == "not_found"
    assert Order.objects.filter(name="kept").exists()


def test_what_is_wrong_with_the_call_is_told_before_the_commit(house: House) -> None:
    app = house.app()

    with transaction.atomic(), pytest.raises(TypeError, match="cannot be called so"):
        enqueue_sync(app.task(name="add")(pow))


def test_a_broker_that_is_away_at_the_commit_is_told_by_the_hook() -> None:
    app = Ardiq(f"redis://127.0.0.1:{free_port()}/0", queue_name="q")
    task = app.task(name="note")(print)

    jobs: list[Job[Any]] = []

    def sell() -> None:
        with transaction.atomic():
            Order.objects.create(name="kept")
            jobs.append(task.enqueue_sync(1))

    with pytest.raises(BrokerError) as caught:
        sell()

    assert caught.value.job_id == jobs[0].id
    assert Order.objects.filter(name="kept").exists()


@pytest.mark.parametrize("alias", ALIASES)
@pytest.mark.parametrize("enqueue", WAYS)
@pytest.mark.parametrize("option", ["auto", "never"])
def test_a_row_of_the_database_broker_belongs_to_the_transaction(alias: str, enqueue: Way, option: str) -> None:
    app = House(f"database://{alias}").app(enqueue_on_commit=option)
    task = app.task(name="note")(print)

    with undone(alias):
        dropped = enqueue(task, 1)
        assert dropped.created is True
        assert dropped.status_sync() == "queued"
    with transaction.atomic(using=alias):
        kept = enqueue(task, 2)
        with undone(alias):
            enqueue(task, 3)

    assert dropped.status_sync() == "not_found"
    assert kept.status_sync() == "queued"
    assert app.queue_size_sync() == 1


@pytest.mark.parametrize("alias", ALIASES)
def test_a_full_queue_in_the_same_database_is_told_at_the_call(alias: str) -> None:
    task = House(f"database://{alias}").app(max_queue=1).task(name="note")(print)

    with transaction.atomic(using=alias):
        kept = task.enqueue_sync(1)
        with pytest.raises(QueueFull):
            task.enqueue_sync(2)

    assert kept.status_sync() == "queued"


@pytest.mark.parametrize("alias", ALIASES)
def test_a_conflict_in_the_same_database_is_raised_at_the_call(alias: str) -> None:
    task = House(f"database://{alias}").app().task(name="note")(print)

    with transaction.atomic(using=alias):
        task.options(task_id="mine").enqueue_sync(1)
        with pytest.raises(JobConflict):
            task.options(task_id="mine").enqueue_sync(2)
        again = task.options(task_id="mine").enqueue_sync(1)

    assert again.created is False
    assert again.status_sync() == "queued"
