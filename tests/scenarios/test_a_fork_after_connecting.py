"""A process that has worked with its broker forks, as servers do that load before they fork: both go on."""

import json
import os
import subprocess
import sys

import pytest

from tests.contract.conftest import ADDRESSES, on_database
from tests.ring.processes import ROOT
from tests.scenarios.stage import ELSEWHERE

FORKING = """
import asyncio, os, sys
import django
django.setup()
from django.db import connections
from ardiq_django import Ardiq, bridge

app = Ardiq(sys.argv[1], queue_name=sys.argv[2], burst=True)

@app.task(name="note")
def note(number: int) -> int:
    return number

def enqueue_and_run(number: int) -> None:
    job = note.enqueue_sync(number)
    asyncio.run(app.run())
    assert job.result_sync(timeout=20).value == number

enqueue_and_run(1)
bridge.run(app.broker.size())
connections.close_all()  # Django's own, as whoever forks has to
child = os.fork()
for number in range(10):
    enqueue_and_run(number)
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
os._exit(0)
"""


@pytest.mark.parametrize("broker", [on_database("sqlite"), on_database("postgres", "postgres")])
def test_parent_and_child_both_go_on(broker: str) -> None:
    settings = {"DJANGO_SETTINGS_MODULE": "tests.ring.worker_settings", "ARDIQ_TEST_QUEUES": json.dumps(ELSEWHERE)}
    quietly = (sys.executable, "-W", "ignore::DeprecationWarning", "-c")  # of forking beside threads, as users do

    done = subprocess.run(
        [*quietly, FORKING, ADDRESSES[broker], "forking"],
        env={**os.environ, **settings, "PYTHONPATH": str(ROOT)},
        timeout=120,
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
