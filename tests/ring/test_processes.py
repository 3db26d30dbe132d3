"""`executor="process"` under the command: Django inside, and what becomes of the processes when the worker is told to
stop, or is killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from ardiq_django import bridge, get_app
from tests.ring.processes import WorkerProcess, is_alive, lines, runworker, until
from tests.shop import tasks
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["sqlite", "redis"])
def worker(request: pytest.FixtureRequest, settings: Settings) -> Iterator[WorkerProcess]:
    """A worker of a queue on each broker that processes can share."""
    broker = "database://default" if request.param == "sqlite" else request.getfixturevalue("clean_redis_url")
    settings.ARDIQ = {"default": {"BROKER": broker, "IDLE_TIMEOUT_MS": 1_000}}
    with runworker(dict(settings.ARDIQ), "--concurrency", "2") as process:
        yield process
    if request.param == "redis":
        bridge.run(get_app().broker.close())


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


def running(log: Path) -> int:
    """The process of the body that says it runs, once it does."""
    until(lambda: bool(lines(log)))
    return int(lines(log)[0])


def test_a_body_uses_the_orm_of_its_own_process(worker: WorkerProcess) -> None:
    order = Order.objects.create(name="some", number=1)

    results = [tasks.add_in_process.enqueue_sync(order.pk, 2).result_sync(timeout=30) for _ in range(2)]
    worker.signal(signal.SIGTERM)
    code, said = worker.ended()

    assert code == 0, said
    order.refresh_from_db()
    assert order.number == 5
    assert results[0] is not None
    assert results[1] is not None
    assert results[0].value == results[1].value
    pid, parent = results[0].value
    assert (pid == worker.pid, parent) == (False, worker.pid)
    assert not is_alive(pid)


def test_a_transaction_that_a_body_leaves_open_is_rolled_back_and_named(worker: WorkerProcess) -> None:
    order = Order.objects.create(name="some", number=1)

    left = tasks.leave_open.enqueue_sync(order.pk).result_sync(timeout=30)
    added = tasks.add_in_process.enqueue_sync(order.pk, 2).result_sync(timeout=30)

    assert left is not None
    assert left.value == 1
    assert added is not None
    assert added.success
    order.refresh_from_db()
    assert order.number == 3
    assert "job left a transaction open" in worker.said
    assert "task=tests.shop.tasks.leave_open" in worker.said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_of_the_service_lets_what_runs_finish(
    worker: WorkerProcess, log: Path, number: signal.Signals
) -> None:
    sign = log.with_name("sign")
    job = tasks.block_in_process.enqueue_sync(str(log), str(sign))
    pid = running(log)

    worker.signal(number)
    os.kill(pid, number)
    worker.hear("worker stops")
    sign.touch()
    code, said = worker.ended()

    assert code == 0, said
    assert lines(log) == [str(pid), "done"]
    assert job.status_sync() == "complete"
    assert not is_alive(pid)


def test_the_second_signal_kills_and_hands_back(worker: WorkerProcess, log: Path) -> None:
    job = tasks.block_in_process.enqueue_sync(str(log), "never there")
    pid = running(log)

    worker.signal(signal.SIGTERM)
    worker.hear("worker stops")
    worker.signal(signal.SIGTERM)
    code, said = worker.ended()

    assert code == 0, said
    assert not is_alive(pid)
    info: Any = job.info_sync()
    assert (info.status, info.tries) == ("queued", 0)


@pytest.mark.parametrize("task", [tasks.block_in_process, tasks.hold_the_interpreter], ids=lambda task: task.__name__)
def test_a_killed_worker_leaves_no_process_behind(worker: WorkerProcess, log: Path, task: Any) -> None:
    idle = tasks.add_in_process.enqueue_sync(0, 0)
    task.enqueue_sync(str(log), *["never there"] * (task is tasks.block_in_process))
    pid = running(log)
    result = idle.result_sync(timeout=30)
    assert result is not None

    worker.kill()

    until(lambda: not is_alive(pid))
    until(lambda: not is_alive(result.value[0]))
    assert lines(log) == [str(pid)]
