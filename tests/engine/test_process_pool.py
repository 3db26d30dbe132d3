"""The processes of bodies: when they are made and let go of, and what they cannot do. No broker has a part in it."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ardiq_django import Ardiq, State
from tests.engine import bodies
from tests.engine.house import House, end_of, soon, until
from tests.ring.processes import is_alive, lines

pytestmark = pytest.mark.parametrize("address", ["memory://"])


@pytest.fixture
def app(bodies_app: Ardiq) -> Ardiq:
    return bodies_app


async def test_processes_are_spawned_when_first_needed_kept_warm_and_end_with_their_worker(
    house: House, app: Ardiq
) -> None:
    app.override(concurrency=2)

    async with house.working(app):
        first, second = [(await end_of(await app.send("where"))).value for _ in range(2)]
        assert is_alive(first[0])

    assert first == second
    assert first[1] == os.getpid() != first[0]
    assert not is_alive(first[0])


async def test_bodies_side_by_side_have_a_process_each_at_most_one_a_slot(
    house: House, app: Ardiq, tmp_path: Path
) -> None:
    app.override(concurrency=2)
    log, sign = tmp_path / "log", tmp_path / "sign"

    jobs = [await app.send("until_there", str(log), str(sign)) for _ in range(4)]
    async with house.working(app):
        await until(lambda: len(lines(log)) == 2)
        sign.touch()
        assert [(await end_of(job)).value for job in jobs] == ["done"] * 4

    assert len(lines(log)) == 4
    assert len(set(lines(log))) == 2


async def test_a_process_is_retired_after_many_jobs_and_when_idle(
    house: House, app: Ardiq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.worker.bodies.pool.RETIRES_AFTER_CALLS", 2)
    monkeypatch.setattr("ardiq_django.worker.bodies.pool.IDLE_S", 0.05)
    app.override(concurrency=1)

    async with house.working(app):
        jobs = [await app.send("where") for _ in range(3)]
        pids = [(await end_of(job)).value[0] for job in jobs]
        await until(lambda: not any(is_alive(pid) for pid in pids))

    assert pids[0] == pids[1] != pids[2]


async def test_a_process_that_ends_while_it_idles_costs_no_attempt(house: House, app: Ardiq) -> None:
    app.override(concurrency=1)

    async with house.working(app):
        pid = (await end_of(await app.send("where"))).value[0]
        os.kill(pid, signal.SIGKILL)
        result = await end_of(await app.send("where"))

    assert (result.success, result.tries) == (True, 1)
    assert result.value[0] != pid


async def test_every_kind_of_death_is_told(house: House, app: Ardiq, tmp_path: Path) -> None:
    app.override(concurrency=2)
    jobs = {how: await app.send("die", how, str(tmp_path / "log")) for how in bodies.DEATHS}

    async with house.working(app):
        results = {how: await end_of(job) for how, job in jobs.items()}

    assert [result.value for result in results.values()] == ["survived"] * 4
    assert {how: [attempt.message for attempt in result.attempts] for how, result in results.items()} == {
        "segfault": ["its process died with signal 11 (SIGSEGV)"],
        "kill": ["its process died with signal 9 (SIGKILL)"],
        "exit": ["its process ended with exit code 3"],
        "fork": ["its process ended with exit code 4"],
    }


async def test_a_body_that_looks_at_no_signal_is_killed_after_a_grace(house: House, app: Ardiq, tmp_path: Path) -> None:
    log = tmp_path / "log"

    async with house.working(app):
        result = await end_of(await app.send("overrun_in_c", str(log)))

    assert result.value == "timed out after 0.2s"
    assert not is_alive(int(lines(log)[0]))


async def test_what_cannot_be_carried_fails_as_in_a_thread(house: House, app: Ardiq) -> None:
    app.override(max_payload_bytes=1_000_000)

    async with house.working(app):
        odd, large = [await end_of(await app.send("make", what)) for what in ("odd", "large")]
        unbound = await end_of(await house.app().send("add", c=1))

    assert odd.value.startswith("the task ran, but its result of type object cannot be kept")
    assert "it takes 2,000,0" in large.value
    assert "cannot be called so: missing a required argument: 'a'" in unbound.value
    assert [result.tries for result in (odd, large, unbound)] == [1] * 3


async def test_the_workers_state_is_not_there(house: House, app: Ardiq) -> None:
    async with house.working(app):
        result = await end_of(await app.send("look_at_the_state"))

    assert "app.state is what the worker's lifespan made" in result.value


async def test_a_time_limit_begins_with_the_body_and_not_with_its_process(
    house: House, app: Ardiq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bodies.AT_IMPORT, "slow")

    async with house.working(app):
        result = await end_of(await app.send("in_time"))

    assert result.value == "in time"
    assert result.duration_ms < 900


async def test_a_body_that_has_not_begun_can_be_aborted(
    house: House, app: Ardiq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bodies.AT_IMPORT, "stuck")

    async with house.working(app):
        job = await app.send("where")
        await house.until_state(job, State.RUNNING)
        assert await job.abort()
        assert (await end_of(job)).aborted


async def test_a_process_that_cannot_import_its_task_says_why(
    house: House, app: Ardiq, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(bodies.AT_IMPORT, "broken")

    async with house.working(app):
        result = await end_of(await app.send("fail", "unreachable"))

    assert result.value.startswith("its process could not begin: Traceback")
    assert result.value.endswith("ImportError: half a deploy\n")
    assert result.error is not None
    assert result.error.error_type == "ProcessRefused"


async def test_a_task_that_importing_its_module_does_not_declare_says_so(house: House, app: Ardiq) -> None:
    other = house.app()
    other.task(name="hidden", executor="process", max_retries=0)(bodies.note)

    async with house.working(other):
        result = await end_of(await other.send("hidden", "a", "b"))

    assert "importing tests.engine.bodies declares no task 'hidden' of queue" in result.value


async def test_middleware_and_hooks_of_the_app_are_around_the_body_there(
    house: House, app: Ardiq, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    monkeypatch.setenv(bodies.HOOKED, str(heard))

    async with house.working(app):
        made = await end_of(await app.send("main_thread"))
        failed = await end_of(await app.send("fail", "no"))
        aborted = await app.send("hold", str(tmp_path / "log"))
        await until(lambda: bool(lines(tmp_path / "log")))
        assert await aborted.abort()
        assert (await end_of(aborted)).aborted

    assert made.value == ["on the loop", [True, True]]
    assert failed.value == "ValueError('no')"
    assert lines(heard) == ["ValueError('no')"]
    assert lines(tmp_path / "log")[1:] == ["aborted"]


SCRIPT = """
import asyncio
from ardiq_django import Ardiq, State

{prelude}
app = Ardiq("memory://", burst=True)


@app.task(executor="process")
def shout(word: str) -> str:
    {before}
    return word.upper() + " from " + __name__


async def main() -> None:
    job = await shout.enqueue("hello")
    await app.run()
    print((await job.result()).value)


if __name__ == "__main__":
    asyncio.run(main())
"""
WITH_DJANGO = """
import django
from django.conf import settings
from django.db import connection

database = {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}
settings.configure(INSTALLED_APPS=["ardiq_django"], DATABASES={"default": database})
django.setup()
"""


@pytest.mark.parametrize(
    "parts",
    [{"prelude": "", "before": ""}, {"prelude": WITH_DJANGO, "before": "connection.cursor().execute('SELECT 1')"}],
    ids=["plain", "with Django"],
)
async def test_a_script_may_be_producer_worker_and_task_in_one(
    address: str, tmp_path: Path, parts: dict[str, str]
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(**parts))
    environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}

    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    said, complained = await soon(process.communicate())

    assert (said.decode(), complained.decode()) == ("HELLO from __ardiq_main__\n", "")
