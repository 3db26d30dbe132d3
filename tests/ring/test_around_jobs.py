"""Lifespan, hooks and logs in worker processes, as an operator meets them."""

from pathlib import Path
from typing import Any

import pytest

from ardiq_django.results import State
from tests.ring import lived
from tests.ring.processes import runworker

pytestmark = pytest.mark.django_db(transaction=True)
QUEUES: dict[str, Any] = {"default": {}}


def test_a_worker_whose_lifespan_fails_says_so_and_touches_no_job(tmp_path: Path) -> None:
    job = lived.read.enqueue_sync()

    with runworker(QUEUES, "tests.ring.lived:app", "--burst", ARDIQ_TEST_WANTED=str(tmp_path / "wanted")) as worker:
        code, said = worker.ended()

    snapshot = lived.app.broker.run_sync(lived.app.broker.get(job.id))
    assert code == 1
    assert "FileNotFoundError" in said
    assert "raised by the lifespan of queue 'lived', so its worker did not begin" in said
    assert (snapshot and snapshot.state) is State.QUEUED


def test_a_supervisor_gives_up_where_no_lifespan_ever_begins(tmp_path: Path) -> None:
    flags = ("tests.ring.lived:app", "--processes", "2")

    with runworker(QUEUES, *flags, ARDIQ_TEST_WANTED=str(tmp_path / "wanted")) as supervisor:
        code, said = supervisor.ended()

    assert code == 1
    assert "no process could begin to serve" in said


def test_what_a_lifespan_made_is_there_and_what_was_logged_is_kept(tmp_path: Path) -> None:
    wanted = tmp_path / "wanted"
    wanted.write_text("hello")
    job = lived.read.enqueue_sync()

    with runworker(QUEUES, "tests.ring.lived:app", "--burst", ARDIQ_TEST_WANTED=str(wanted)) as worker:
        code, said = worker.ended()

    result = job.result_sync()
    assert code == 0, said
    assert wanted.with_suffix(".closed").exists()
    assert result is not None
    assert result.value == "ValueError('hello')"
    # nobody has configured this logger, and nothing of it is printed
    assert result.attempts[0].logs.endswith("INFO tests.ring.lived: it says hello")
    assert "it says hello" not in said
