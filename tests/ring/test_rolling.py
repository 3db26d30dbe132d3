"""A deploy under load, on each broker: old and new code side by side, real processes, real signals."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ardiq_django import Ardiq, Job, bridge
from tests.ring.processes import ROOT, WorkerProcess, lines, runworker

OURS = ["ardiq_django"]
ELSEWHERE = {"default": {"BROKER": "memory://"}}  # the tests' own tasks have to be declared somewhere
OLD = """
import asyncio
from ardiq_django import Ardiq, current_task
app = Ardiq({address!r}, queue_name="deploy", concurrency=4)

def tell(number, code):
    with open({log!r}, "a") as file:
        file.write(f"{{number}}.{{current_task().tries}}.{{code}}\\n")

@app.task(name="both")
async def both(number):
    tell(number, {code!r})
    await asyncio.sleep(0.1)

@app.task(name="flaky", max_retries=1, backoff_ms=50)
def flaky(number):
    tell(number, {code!r})
    if current_task().tries == 1:
        raise OSError("the first time")
"""
NEW = """
@app.task(name="newcomer")
async def newcomer(number):
    tell(number, {code!r})
"""


@pytest.fixture(
    params=[
        pytest.param("redis"),
        pytest.param(
            "database://default",
            marks=pytest.mark.django_db(transaction=True, databases=["default"], available_apps=OURS),
            id="sqlite",
        ),
        pytest.param(
            "database://postgres",
            marks=pytest.mark.django_db(transaction=True, databases=["default", "postgres"], available_apps=OURS),
            id="postgres",
        ),
    ]
)
def app(request: pytest.FixtureRequest) -> Iterator[Ardiq]:
    """The producer's side."""
    address = request.getfixturevalue("clean_redis_url") if request.param == "redis" else request.param
    made = Ardiq(address, queue_name="deploy")
    yield made
    bridge.run(made.broker.close())


class Deploy:
    """Workers of one generation of the code or the other, and a steady trickle of jobs."""

    def __init__(self, app: Ardiq, directory: Path, block: ExitStack) -> None:
        self.log = directory / "log"
        self.jobs: list[Job[None]] = []
        self._app = app
        self._block = block
        self._code = {"old": directory / "old", "new": directory / "new"}
        for code, text in (("old", OLD), ("new", OLD + NEW)):
            self._code[code].mkdir()
            module = text.format(address=app.address, log=str(self.log), code=code)
            (self._code[code] / "deployed.py").write_text(module)

    def start(self, code: str, *flags: str) -> WorkerProcess:
        return self._block.enter_context(
            runworker(ELSEWHERE, "deployed:app", *flags, PYTHONPATH=os.pathsep.join([str(self._code[code]), str(ROOT)]))
        )

    def enqueue(self) -> None:
        for task in ("both", "flaky", "both", "newcomer") * 3:
            self.jobs.append(self._app.ref(task).enqueue_sync(len(self.jobs)))

    def replace(self, leaving: WorkerProcess, code: str, *flags: str) -> WorkerProcess:
        """One step of the deploy, jobs coming in before it, while both are there, and after it."""
        self.enqueue()
        leaving.signal(signal.SIGTERM)
        successor = self.start(code, *flags)
        self.enqueue()
        successor.hear("worker began")
        assert leaving.ended()[0] == 0, leaving.said
        self.enqueue()
        return successor


def test_rolling_restarts_lose_nothing_and_run_nothing_twice(app: Ardiq, tmp_path: Path) -> None:
    with ExitStack() as block:
        deploy = Deploy(app, tmp_path, block)
        first, second = deploy.start("old"), deploy.start("old", "--processes", "2")
        first.hear("worker began")
        second.hear("worker began")
        first = deploy.replace(first, "new")
        second = deploy.replace(second, "new", "--processes", "2")
        first = deploy.replace(first, "new")
        results = [job.result_sync(timeout=40) for job in deploy.jobs]
        for worker in (first, second):
            worker.signal(signal.SIGTERM)
            assert worker.ended()[0] == 0, worker.said

    told = [line.split(".") for line in lines(deploy.log)]
    newcomers = {str(number) for number in range(len(deploy.jobs)) if number % 4 == 3}
    assert all(result and result.success for result in results)
    assert set(Counter((number, attempt) for number, attempt, _ in told).values()) == {1}
    assert len(told) == len(deploy.jobs) * 5 / 4  # a quarter fails once
    assert {code for number, _, code in told if number in newcomers} == {"new"}
    assert {code for _, _, code in told} == {"old", "new"}
