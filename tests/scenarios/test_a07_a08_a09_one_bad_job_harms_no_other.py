"""A7, A8, A9: a job that ends the interpreter, and an embedded worker that is interrupted."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.ring.processes import ROOT, until
from tests.scenarios.stage import ELSEWHERE, Stage, stop

EMBEDDED = """
import asyncio
import django
django.setup()
from tests.scenarios.served import app
asyncio.run(app.run())
"""


def test_a_job_that_exits_fails_alone(stage: Stage) -> None:
    sign = stage.sign("go")
    innocent = [stage.enqueue(task, str(sign)) for task in ("hold", "hold_in_thread") * 3]

    with stage.worker("w") as worker:
        stage.until_begun(*innocent)
        bad = stage.end_of(stage.enqueue("leave"))
        sign.touch()
        results = [stage.end_of(job) for job in innocent]
        stop(worker)

    assert (bad.success, bad.aborted, bad.value) == (False, False, "SystemExit(3)")
    assert all(result.success for result in results)
    assert [stage.starts(job) for job in innocent] == [["w"]] * 6


def test_an_embedded_worker_that_is_interrupted_hands_its_jobs_back(stage: Stage, tmp_path: Path) -> None:
    sign = stage.sign("go")
    jobs = [stage.enqueue(task, str(sign)) for task in ("hold", "hold", "hold_in_thread") * 2]
    settings = {"DJANGO_SETTINGS_MODULE": "tests.ring.worker_settings", "ARDIQ_TEST_QUEUES": json.dumps(ELSEWHERE)}

    embedded = subprocess.Popen(
        [sys.executable, "-c", EMBEDDED],
        env={**os.environ, **settings, **stage.environment("embedded"), "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
    )
    try:
        stage.until_begun(*jobs)
        embedded.send_signal(signal.SIGINT)
        until(lambda: all(stage.snapshot(job).state == "queued" for job in jobs))
        sign.touch()  # a thread that runs is waited for by the interpreter
        _, said = embedded.communicate()
        with stage.worker("w") as worker:
            results = [stage.end_of(job) for job in jobs]
            stop(worker)
    finally:
        embedded.kill()

    assert b"KeyboardInterrupt" in said
    assert [(result.success, result.tries, result.attempts) for result in results] == [(True, 1, ())] * 6
