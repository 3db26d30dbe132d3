"""What each page asks: of the broker and of the database together, without what Django asks to know who looks."""

import inspect
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any
from urllib.parse import quote as percent

import pytest
from django.contrib.admin.utils import quote
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis.asyncio.connection import AbstractConnection

from ardiq_django.brokers.base import Broker
from ardiq_django.declared import get_app
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.statistics import BEGUN, FAILED, SUCCEEDED, Figures
from ardiq_django.wire import News, WorkerCard
from tests.admin.conftest import declared
from tests.admin.shop import INVOICE, Shop, invoice

BUDGET = 12
WHO_LOOKS = ('FROM "django_session"', 'FROM "auth_user"', 'FROM "auth_permission"', 'FROM "auth_group"')
OF_THE_TEST = ("SAVEPOINT", "RELEASE", "ROLLBACK")  # a test is one transaction
ROOT = "/admin/ardiq/"
NIGHTLY = "shop.nightly"

# Pages that ask more of a server today, and how much at most; who makes one cheaper lowers its figure, or takes it out.
# The verbs that a page calls, and its SQL, are held to the budget; on Redis a verb may be several round trips.
KNOWN: dict[str, dict[str, int]] = {
    "redis": {
        "overview": 23,
        "overview of 90 days": 46,
        "status": 17,
        "metrics": 17,
        "jobs": 29,
        "jobs by text": 23,
        "jobs by task": 22,
        "jobs of a day": 28,
        "jobs failed by text": 24,
        "jobs page 2": 49,
        "jobs oldest first": 45,
        "jobs with facets": 29,
        "jobs as CSV": 30,
        "jobs as JSON": 30,
    },
}

LISTS = {
    "overview": "",
    "overview of 90 days": "?span=90d",
    "status": "queue/status.json",
    "metrics": "queue/metrics",
    "jobs": "job/",
    **{f"jobs {state}": f"job/?state={state}" for state in State},
    "jobs by text": "job/?q=invoice",
    "jobs by task": f"job/?task={INVOICE}",
    "jobs of a day": "job/?since=24h",
    "jobs failed by text": "job/?state=failed&q=gateway",
    "jobs by error": "job/?state=failed&group=error",
    "jobs page 2": "job/?p=2",
    "jobs oldest first": "job/?o=5",
    "jobs with facets": "job/?_facets=True",
    "jobs as CSV": "job/export/csv/",
    "jobs as JSON": "job/export/json/",
    "queues": "queue/",
    "tasks": "task/",
    "workers": "worker/",
    "schedules": "schedule/",
    "schedules by text": "schedule/?q=s-1",
    "schedule to add": "schedule/add/",
}


@pytest.fixture
def busy(address: str, db: None) -> Iterator[Shop]:
    """One queue with jobs in every state, more than a page of them, workers, schedules and figures."""
    with declared(address) as (queue,):
        app = get_app(queue)
        app.task(name=INVOICE)(invoice)
        shop = Shop(app, "")
        fill(shop)
        yield shop


def fill(shop: Shop) -> None:
    shop.app.cron("0 3 * * *", name=NIGHTLY)(lambda: None)
    for _ in range(3):
        shop.failed()
        shop.succeeded()
        shop.aborted()
        shop.retrying()
        shop.running()
    shop.expired()
    shop.put_many(120)
    task: Any = shop.app.ref(INVOICE)
    for number in range(20):
        task.options(schedule_id=f"s-{number}", enqueue_on_commit="never").schedule_by_interval_sync(60, number)
    for number in range(5):
        card = WorkerCard(f"e{number}", f"w{number}", "web", number, 4)
        shop.run(shop.broker.register(card))
        shop.run(shop.broker.beat(card.epoch, 0, {}, News({f"j{number}": 1})))
    figures = {f"t{number}": Figures({BEGUN: 10, SUCCEEDED: 5, FAILED: 5}) for number in range(5)}
    shop.run(shop.broker.report(shop.worker.epoch, 1, figures))


def pages(shop: Shop) -> dict[str, str]:
    """Every page, by its name."""
    of_a_job = {state: job_of(shop, state) for state in State}
    plan, nightly = f"{shop.queue}:plan:s-1", f"{shop.queue}:code:{NIGHTLY}"
    return {
        **LISTS,
        **{f"job {state}": at("job", key, "change") for state, key in of_a_job.items()},
        "job history": at("job", of_a_job[State.FAILED], "history"),
        "job as JSON": at("job", of_a_job[State.FAILED], "json"),
        "job to reschedule": at("job", of_a_job[State.SCHEDULED], "reschedule"),
        "job to change": at("job", of_a_job[State.SCHEDULED], "amend"),
        "task to enqueue": at("task", f"{shop.queue}:{INVOICE}", "enqueue"),
        "schedule planned": at("schedule", plan, "change"),
        "schedule declared": at("schedule", nightly, "change"),
        "schedule history": at("schedule", plan, "history"),
        "queue history": at("queue", shop.queue, "history"),
        "worker": at("worker", f"{shop.queue}:e1", "change"),
        "worker history": at("worker", f"{shop.queue}:e1", "history"),
    }


def job_of(shop: Shop, state: State) -> str:
    page = shop.run(shop.broker.page(Query(states=(state,), limit=1)))
    return f"{shop.queue}:{page.rows[0].job.id}" if page.rows else f"{shop.queue}:{shop.scheduled()}"


def at(model: str, key: str, page: str) -> str:
    return f"{model}/{percent(quote(key))}/{page}/"


inside: ContextVar[bool] = ContextVar("inside", default=False)


@contextmanager
def verbs_counted(broker: Broker) -> Iterator[list[str]]:
    """The verbs that are called meanwhile."""
    asked: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        for owner in (broker, broker.schedules):
            for name, _ in inspect.getmembers(type(owner), inspect.iscoroutinefunction):
                if not name.startswith("_"):
                    patch.setattr(owner, name, once(getattr(owner, name), asked))
        yield asked


@contextmanager
def round_trips_counted() -> Iterator[list[str]]:
    """The commands, or the pipelines of them, that are sent to any Redis meanwhile."""
    asked: list[str] = []
    sends = AbstractConnection.send_packed_command

    async def sent(self: Any, command: Any, *args: Any, **kwargs: Any) -> None:
        asked.append(str(command)[:60])
        await sends(self, command, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AbstractConnection, "send_packed_command", sent)
        yield asked


def once(verb: Callable[..., Coroutine[Any, Any, Any]], asked: list[str]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """The verb, which counts; verbs that it calls do not."""

    @wraps(verb)
    async def called(*args: Any, **kwargs: Any) -> Any:
        if inside.get():
            return await verb(*args, **kwargs)
        asked.append(verb.__name__)
        token = inside.set(True)
        try:
            return await verb(*args, **kwargs)
        finally:
            inside.reset(token)

    return called


@dataclass(frozen=True, slots=True)
class Cost:
    """What a page asks, once it was looked at before."""

    verbs: list[str]
    sent: list[str]  # to a Redis or the database

    @classmethod
    def of(cls, client: Client, shop: Shop, address: str) -> "Cost":
        look(client, address)
        queries = CaptureQueriesContext(connection)
        with verbs_counted(shop.broker) as verbs, round_trips_counted() as trips, queries:
            look(client, address)
        skipped = (*WHO_LOOKS, *OF_THE_TEST)
        statements = [one["sql"] for one in queries.captured_queries]
        return cls(verbs, [*trips, *(sql for sql in statements if not any(word in sql for word in skipped))])


def look(client: Client, address: str) -> None:
    response = client.get(f"{ROOT}{address}")
    assert response.status_code == 200, (address, response.status_code, response.headers)
    if response.streaming:
        assert b"".join(response)


def test_no_page_asks_more_than_its_budget(busy: Shop, broker: str, admin_client: Client) -> None:
    costs = {name: Cost.of(admin_client, busy, address) for name, address in pages(busy).items()}

    most = KNOWN.get(broker, {})
    assert {name: one.verbs for name, one in costs.items() if len(one.verbs) > BUDGET} == {}
    assert {name: len(one.sent) for name, one in costs.items() if len(one.sent) > most.get(name, BUDGET)} == {}
    assert costs["overview"].verbs
    assert costs["overview"].sent
    assert set(most) <= set(costs)
