"""The command: real processes, real signals, on SQLite and on Redis."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from ardiq_django import Job, bridge, get_app
from tests.ring.processes import lines, runworker, until
from tests.services import free_port
from tests.shop import tasks
from tests.shop.models import Order

pytestmark = pytest.mark.django_db(transaction=True)
Queues = dict[str, Any]


@pytest.fixture
def redis_queue(settings: Settings, clean_redis_url: str) -> Iterator[dict[str, Any]]:
    """The options of a queue on Redis; what this process opens to it is closed after the test."""
    yield {"BROKER": clean_redis_url}
    bridge.run(get_app().broker.close())


@pytest.fixture(params=["sqlite", "redis"])
def queues(request: pytest.FixtureRequest, settings: Settings) -> Queues:
    """The setting ARDIQ on each broker that processes can share, in force here and in the workers."""
    options = {"BROKER": "database://default"} if request.param == "sqlite" else request.getfixturevalue("redis_queue")
    settings.ARDIQ = {"default": {**options, "IDLE_TIMEOUT_MS": 1_000}}
    return dict(settings.ARDIQ)


def test_burst_ends_with_zero_when_all_is_done(queues: Queues, tmp_path: Path) -> None:
    order = Order.objects.create(name="old")
    jobs: list[Job[Any]] = [
        tasks.rename.enqueue_sync(order.pk, "new"),
        tasks.add.enqueue_sync(order.pk, 3),
        tasks.note.enqueue_sync(str(tmp_path / "notes"), "hello"),
    ]

    with runworker(queues, "--burst", "--concurrency", "2") as worker:
        code, said = worker.ended()

    assert code == 0, said
    assert [result.value for job in jobs if (result := job.result_sync())] == ["old", None, 1]
    order.refresh_from_db()
    assert (order.name, order.number) == ("new", 3)
    assert lines(tmp_path / "notes") == ["hello"]
    for sentence in ("worker began", "slots=2", "job succeeded", "worker ended"):
        assert sentence in said


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_first_signal_lets_what_runs_finish(queues: Queues, tmp_path: Path, number: signal.Signals) -> None:
    log, sign = tmp_path / "log", tmp_path / "sign"
    running = [task.enqueue_sync(str(log), str(sign)) for task in (tasks.wait_for, tasks.block)]
    waiting = tasks.wait_for.enqueue_sync(str(log), str(sign))

    with runworker(queues, "--concurrency", "2") as worker:
        until(lambda: lines(log) == ["running"] * 2)
        worker.signal(number)
        worker.hear("worker stops")
        sign.touch()
        code, said = worker.ended()

    assert code == 0, said
    assert [job.status_sync() for job in running] == ["complete"] * 2
    assert lines(log) == ["running"] * 2 + ["done"] * 2
    assert waiting.status_sync() == "queued"
    assert "worker stops" in said


def test_the_second_signal_hands_back_at_once(queues: Queues, tmp_path: Path) -> None:
    log, sign = tmp_path / "log", tmp_path / "sign"
    jobs = [task.enqueue_sync(str(log), str(sign)) for task in (tasks.wait_for, tasks.block)]

    with runworker(queues) as worker:
        until(lambda: lines(log) == ["running"] * 2)
        worker.signal(signal.SIGTERM)
        worker.hear("worker stops")
        worker.signal(signal.SIGTERM)
        code, said = worker.ended()

    assert code == 0, said
    assert [job.status_sync() for job in jobs] == ["queued"] * 2
    infos = [job.info_sync() for job in jobs]
    assert [info and info.tries for info in infos] == [0, 0]


def test_the_jobs_of_a_killed_worker_are_done_by_another(queues: Queues, tmp_path: Path) -> None:
    log, sign = tmp_path / "log", tmp_path / "sign"
    jobs = [tasks.wait_for.enqueue_sync(str(log), str(sign)) for _ in range(6)]

    with runworker(queues, "--concurrency", "3") as worker:
        until(lambda: lines(log) == ["running"] * 3)
        worker.kill()
    sign.touch()
    with runworker(queues) as worker:
        results = [job.result_sync(timeout=30) for job in jobs]
        worker.signal(signal.SIGTERM)
        code, said = worker.ended()

    assert code == 0, said
    assert [result and result.value for result in results] == ["done"] * 6
    assert [result and len(result.attempts) for result in results] == [1, 1, 1, 0, 0, 0]
    assert lines(log).count("running") == 9
    assert lines(log).count("done") == 6
    assert "took back 3 jobs of lost workers" in said


def test_a_job_that_kills_its_workers_ends_as_failed(settings: Settings, redis_queue: Queues, tmp_path: Path) -> None:
    settings.ARDIQ = {"default": {**redis_queue, "IDLE_TIMEOUT_MS": 500, "MAX_CRASHES": 2}}
    log = tmp_path / "log"
    job = tasks.kill_the_worker.enqueue_sync(str(log))
    innocent = tasks.note.options(delay_ms=100).enqueue_sync(str(log), "innocent")

    for _ in range(2):
        with runworker(settings.ARDIQ) as worker:
            code, _ = worker.ended()
        assert code == -signal.SIGKILL
    with runworker(settings.ARDIQ) as worker:
        result, other = job.result_sync(timeout=30), innocent.result_sync(timeout=30)
        worker.signal(signal.SIGTERM)
        worker.ended()

    assert result is not None
    assert (result.success, result.value) == (False, "its worker was lost 2 times while it ran")
    assert other is not None
    assert other.success
    assert lines(log).count("running") == 2


def test_several_queues_are_served_by_one_process(settings: Settings, redis_queue: Queues, tmp_path: Path) -> None:
    settings.ARDIQ = {
        "default": redis_queue,
        "mail": {"BROKER": "database://default"},
        "idle": {"BROKER": "memory://"},
    }
    path = str(tmp_path / "log")
    jobs = [
        tasks.note.enqueue_sync(path, "default"),
        get_app("mail").ref("not.known.here").enqueue_sync(path, "mail"),
    ]

    with runworker(settings.ARDIQ, "--burst") as worker:
        code, said = worker.ended()

    assert code == 0, said
    assert [job.status_sync() for job in jobs] == ["complete", "scheduled"]
    for queue in settings.ARDIQ:
        assert f"worker began queue={queue}" in said


def test_an_app_made_by_hand_is_served_by_its_path(queues: Queues) -> None:
    with runworker(queues, "tests.ring.by_hand:app", "--burst") as worker:
        code, said = worker.ended()

    assert code == 0, said
    assert "worker began queue=by-hand" in said


def test_a_queue_that_is_not_declared_is_one_clear_sentence() -> None:
    with runworker({"default": {"BROKER": "memory://"}}, "nope") as worker:
        code, said = worker.ended()

    assert code == 1
    assert said == "CommandError: queue 'nope' is not declared in the setting ARDIQ; declared: default\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["nope"], "queue 'nope' is not declared"),
        (["tests.ring.by_hand:nope"], 'Module "tests.ring.by_hand" does not define a "nope" attribute/class'),
        (["no.such:app"], "No module named 'no'"),
        (["tests.ring.by_hand:text"], "tests.ring.by_hand:text is a str, not an Ardiq app"),
        (["--concurrency", "0"], "concurrency=0: give a whole number of at least 1"),
        (["--shutdown-timeout", "-1"], "shutdown_timeout_s=-1.0: give a number of at least 0"),
    ],
)
def test_what_cannot_be_served_is_an_error_of_the_command(arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=re.escape(sentence)):
        call_command("runworker", *arguments)


def test_where_no_queue_is_declared_there_is_nothing_to_serve(settings: Settings) -> None:
    settings.ARDIQ = {}

    with pytest.raises(CommandError, match="declares no queue, and none was named: there is nothing to serve"):
        call_command("runworker")


def test_a_queue_that_is_named_twice_is_served_once() -> None:
    with runworker({"default": {"BROKER": "memory://"}}, "default", "default", "--burst") as worker:
        code, said = worker.ended()

    assert code == 0, said
    assert said.count("worker began") == 1


def test_a_wrong_setting_is_told_by_the_system_checks() -> None:
    with runworker({"default": {"BROKER": "reddis://x"}}) as worker:
        code, said = worker.ended()

    assert code == 1
    assert "(ardiq.E003)" in said
    assert "Did you mean redis://?" in said


def test_a_worker_without_a_broker_says_so_waits_and_ends_when_told() -> None:
    with runworker({"default": {"BROKER": f"redis://:secret@127.0.0.1:{free_port()}/0"}}) as worker:
        worker.hear("broker trouble")
        worker.signal(signal.SIGTERM)
        code, said = worker.ended()

    assert code == 0
    assert "secret" not in said
    assert "trying again in" in said
