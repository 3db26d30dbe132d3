"""What a worker process is told beside its queues: shared slots, limits, health."""

import http.client
import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from ardiq_django import Ardiq, bridge, get_app
from ardiq_django.process.health import check
from tests.ring.processes import lines, runworker, until
from tests.services import free_port
from tests.shop import tasks

pytestmark = pytest.mark.django_db(transaction=True)
Queues = dict[str, Any]
SCRIPT = [sys.executable, "-c", "from ardiq_django.process.script import main; main()"]


ELSEWHERE = {"default": {"BROKER": "memory://"}}  # the tests' own tasks have to be declared somewhere
CODE = """
import asyncio, pathlib
from ardiq_django import Ardiq
{name} = Ardiq({url!r}, queue_name={name!r})
@{name}.task(name="say")
async def say(log, sign):
    with open(log, "a") as file:
        file.write("{word}\\n")
    while not pathlib.Path(sign).exists():
        await asyncio.sleep(0.01)
    return {word!r}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory whose modules the workers can import."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


@pytest.fixture
def app_named(clean_redis_url: str) -> Iterator[Callable[[str], Ardiq]]:
    """The producer's side of an app; closed after the test."""
    apps: list[Ardiq] = []

    def made(name: str) -> Ardiq:
        apps.append(Ardiq(clean_redis_url, queue_name=name))
        return apps[-1]

    yield made
    for app in apps:
        bridge.run(app.broker.close())


@pytest.fixture
def queues(settings: Settings, clean_redis_url: str) -> Iterator[Queues]:
    """A queue on Redis and one in the database."""
    settings.ARDIQ = {
        "default": {"BROKER": clean_redis_url, "IDLE_TIMEOUT_MS": 1_000},
        "mail": {"BROKER": "database://default"},
    }
    yield dict(settings.ARDIQ)
    bridge.run(get_app().broker.close())


def test_queues_share_the_slots_of_their_process_and_one_keeps_to_its_own(
    clean_redis_url: str, app_named: Callable[[str], Ardiq], project: Path, tmp_path: Path
) -> None:
    text = "\n".join(CODE.format(url=clean_redis_url, name=name, word=name) for name in ("left", "right"))
    (project / "two_apps.py").write_text(text + "right.override(concurrency=1)\n")
    log, sign = tmp_path / "log", tmp_path / "sign"
    left, right = app_named("left"), app_named("right")
    jobs = [
        app.ref("say").enqueue_sync(str(log), str(sign))
        for app, number in ((left, 6), (right, 3))
        for _ in range(number)
    ]

    with runworker(ELSEWHERE, "two_apps:left", "two_apps:right", "--concurrency", "4") as worker:
        until(lambda: len(lines(log)) == 4)
        running = [str(job.status_sync()) for job in jobs]
        sign.touch()
        results = [job.result_sync(timeout=30) for job in jobs]
        worker.signal(signal.SIGTERM)
        code, said = worker.ended()

    assert code == 0, said
    assert running.count("running") == 4
    assert running[6:].count("running") <= 1
    assert [result and result.value for result in results] == ["left"] * 6 + ["right"] * 3


def test_a_process_ends_after_exactly_so_many_jobs(queues: Queues, tmp_path: Path) -> None:
    log = tmp_path / "log"
    jobs = [tasks.note.enqueue_sync(str(log), str(number)) for number in range(20)]

    with runworker(queues, "--max-jobs", "7") as worker:
        code, said = worker.ended()

    assert code == 0, said
    assert "process has done enough: 7 jobs have begun (max_jobs=7)" in said
    assert len(lines(log)) == 7
    assert [str(job.status_sync()) for job in jobs].count("queued") == 13


@pytest.mark.parametrize(
    ("flags", "reason"), [(["--max-rss", "1"], "max_rss=1"), (["--max-age", "0.1"], "max_age=0.1")]
)
def test_a_process_that_is_too_large_or_too_old_ends(queues: Queues, flags: list[str], reason: str) -> None:
    with runworker(queues, *flags) as worker:
        code, said = worker.ended()

    assert code == 0, said
    assert reason in said


def test_a_process_that_does_well_says_so(queues: Queues, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "health"

    with runworker(queues, "--health-port", str(port), "--health-file", str(file)) as worker:
        until(lambda: not check(str(port)) and not check(str(file)))
        status, told = _asked(port)
        by_script = subprocess.run([*SCRIPT, "--check-health", str(file)], check=False)
        worker.signal(signal.SIGTERM)
        worker.ended()

    assert (status, told["ok"], told["queues"]) == (200, True, {"default": True, "mail": True})
    assert by_script.returncode == 0
    assert "no worker tells its health" in check(str(file))
    assert "no worker tells its health" in check(str(port))


def test_a_process_whose_broker_is_away_is_not_well(tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "health"
    queues = {"default": {"BROKER": f"redis://127.0.0.1:{free_port()}/0"}}

    with runworker(queues, "--health-port", str(port), "--health-file", str(file)) as worker:
        worker.hear("broker trouble")
        until(file.exists)
        status, told = _asked(port)
        by_script = subprocess.run([*SCRIPT, f"--check-health={port}"], check=False, capture_output=True, text=True)

    assert (status, told["ok"]) == (503, False)
    assert by_script.returncode == 1
    assert by_script.stderr.strip().endswith("cannot reach the broker of: default")
    assert "last told" not in check(str(file))


def test_a_health_that_is_old_is_not_believed(tmp_path: Path) -> None:
    file = tmp_path / "health"
    file.write_text(json.dumps({"ok": True, "queues": {}, "told_s": 0}))

    assert "last told its health" in check(str(file))


def test_checking_the_health_loads_no_django() -> None:
    code = "import sys; import ardiq_django.process.script; sys.exit('django' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_process_begins_anew_when_its_code_changes_and_finishes_what_runs(
    clean_redis_url: str, app_named: Callable[[str], Ardiq], project: Path, tmp_path: Path
) -> None:
    module, log, sign = project / "fresh_code.py", tmp_path / "log", tmp_path / "sign"
    module.write_text(CODE.format(url=clean_redis_url, name="fresh", word="old"))
    app = app_named("fresh")
    running = app.ref("say").enqueue_sync(str(log), str(sign))

    with runworker(ELSEWHERE, "fresh_code:fresh", "--reload") as worker:
        until(lambda: lines(log) == ["old"])
        module.write_text(CODE.format(url=clean_redis_url, name="fresh", word="newer"))
        worker.hear("code has changed, worker begins anew")
        later = app.ref("say").enqueue_sync(str(log), str(sign))
        sign.touch()
        results = [job.result_sync(timeout=30) for job in (running, later)]
        worker.signal(signal.SIGTERM)
        code, said = worker.ended()

    assert code == 0, said
    assert [result and (result.value, result.tries) for result in results] == [("old", 1), ("newer", 1)]
    assert said.count("worker began queue=fresh") == 2


def _asked(port: int) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    response = connection.getresponse()
    try:
        return response.status, json.loads(response.read())
    finally:
        connection.close()
