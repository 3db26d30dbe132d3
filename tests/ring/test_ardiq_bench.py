"""`manage.py ardiq bench`: what it measures, and that nothing is left of it, on every broker."""

import asyncio
import signal
from collections.abc import Iterator
from io import StringIO

import pytest
from django.core.management import CommandError
from django.core.management.base import OutputWrapper
from pytest_django import Settings
from redis import Redis

from ardiq_django.ardiq import Ardiq
from ardiq_django.exceptions import BrokerError
from ardiq_django.models import Job, Stat, Worker
from ardiq_django.operating.bench import Work, _run
from ardiq_django.operating.console import Console
from ardiq_django.results import State
from tests.admin.conftest import declared, opened
from tests.admin.shop import Shop
from tests.contract.conftest import ADDRESSES, BROKERS
from tests.ring.operating import ardiq, at_a_terminal, document, in_a_process
from tests.services import free_port

MEASURES = ["enqueue one by one", "enqueue in bulk", "run"]


@pytest.fixture(params=BROKERS)
def address(request: pytest.FixtureRequest) -> str:
    """Where each broker keeps its queues; on Redis as a user who may look for keys, which a worker may not."""
    return ADDRESSES.get(request.param) or str(request.getfixturevalue("redis_url"))


@pytest.fixture
def shop(address: str) -> Iterator[Shop]:
    with opened(address) as shop:
        yield shop


def remains(address: str, *kept: str) -> list[str]:
    """What a broker still has of queues other than these."""
    if address.startswith("redis"):
        with Redis.from_url(address) as server:
            keys = [key.decode() for key in server.scan_iter("ardiq:*")]
        return [key for key in keys if not key.startswith(tuple(f"ardiq:{{{queue}}}:" for queue in kept))]
    if address.startswith("database"):
        alias = address.removeprefix("database://")
        models = (Job, Stat, Worker)
        return [str(row) for model in models for row in model.objects.using(alias).exclude(queue__in=kept)]
    return []


def test_bench_measures_each_broker_and_leaves_nothing_behind(shop: Shop, request: pytest.FixtureRequest) -> None:
    if shop.app.address.startswith("redis"):
        request.getfixturevalue("redis_server").flush()
    waiting = shop.put(1)

    first, second = document("bench", "--jobs", "200")["queues"]

    assert (first["queue"], second["queue"]) == (shop.queue, shop.other)
    assert (first["broker"], first["slots"]) == (shop.broker.shown_address, shop.app.options.concurrency)
    assert [measure["measure"] for measure in first["measures"]] == MEASURES
    assert [measure["jobs"] for measure in first["measures"]] == [20, 200, 220]
    assert all(measure["jobs_per_s"] > 0 and measure["seconds"] > 0 for measure in first["measures"])
    assert remains(shop.app.address, shop.queue, shop.other) == []
    snapshot = shop.run(shop.broker.get(waiting))
    assert snapshot is not None
    assert snapshot.state is State.QUEUED


def test_bench_of_one_queue_is_a_small_table(shop: Shop) -> None:
    said = ardiq("bench", "--jobs", "50", "--queue", shop.other).said.splitlines()

    assert said[0] == f"{shop.other}  {shop.broker.shown_address}  16 slots"
    assert said[1].split() == ["jobs", "jobs/s", "µs", "each"]
    assert [line.strip().rsplit(maxsplit=3)[0] for line in said[2:]] == MEASURES


def test_a_broker_that_is_away_cannot_be_measured() -> None:
    with (
        declared(f"redis://127.0.0.1:{free_port()}/0") as (away,),
        pytest.raises(CommandError, match=f"queue '{away}': Redis at .* cannot be used"),
    ):
        ardiq("bench")


def test_jobs_that_do_not_run_are_an_error() -> None:
    own, work = Ardiq("memory://", burst=True), Work()
    own.enqueue_many_sync([own.task(work.body).prepare(1, "words")])

    with pytest.raises(BrokerError, match="memory://: 2 jobs of 3 did not run"):
        asyncio.run(_run(own, work, 3, Console(OutputWrapper(StringIO()))))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", ["sqlite", "redis"])
def test_progress_is_for_a_terminal_and_not_for_programs(
    request: pytest.FixtureRequest, settings: Settings, broker: str
) -> None:
    at = "database://default" if broker == "sqlite" else str(request.getfixturevalue("clean_redis_url"))
    queues = {"default": {"BROKER": at}}

    code, said, errors = in_a_process(queues, "bench", "--jobs", "500")
    shown = at_a_terminal(queues, "", "bench", "--jobs", "500")
    quiet = at_a_terminal(queues, "", "bench", "--jobs", "500", "--json")

    assert (code, errors) == (0, "")
    assert said.startswith(f"default  {at}  16 slots\n")
    assert shown.code == quiet.code == 0
    assert "enqueueing one by one ░░░░░░░░" in shown.said
    assert "of 550 jobs" in shown.said
    assert "░" not in quiet.said
    assert remains(at) == []


@pytest.mark.parametrize("until", ["enqueueing one by one", "enqueueing in bulk", "running"])
def test_who_interrupts_it_leaves_nothing_behind(clean_redis_url: str, until: str) -> None:
    interrupted = at_a_terminal(
        {"default": {"BROKER": clean_redis_url}}, signal.SIGINT, "bench", "--jobs", "50000", until=until
    )

    assert interrupted.code == 130
    assert "interrupted" in interrupted.said
    assert remains(clean_redis_url) == []
