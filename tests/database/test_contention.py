"""Many processes at one SQLite file, whose project has chosen deferred transactions: nobody hears of a lock."""

import subprocess
import sys
from collections import Counter

import pytest
from django.db import connections

from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.results import State
from tests.database.conftest import ON_SQLITE, Outside, job

PROCESSES = 4
JOBS = 120
# Enqueues its share, then claims and settles in small turns until nothing waits; prints the ids it was given.
SCRIPT = """
import asyncio, os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django
from django.conf import settings
settings.DATABASES["default"]["OPTIONS"] = {"transaction_mode": "DEFERRED", "timeout": 10}
django.setup()
from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import new_epoch
from ardiq_django.wire import Exchange, WorkerCard
from tests.contract.makers import retrying, success
from tests.database.conftest import job

async def work(queue, share):
    broker, epoch, call, outcomes = DatabaseBroker("database://default", QueueRules(queue)), new_epoch(), 0, []
    await broker.register(WorkerCard(epoch, epoch))
    for number in range(share):
        await broker.enqueue([job() for _ in range(number % 3)])
    while True:
        call += 1
        turn = await broker.exchange(Exchange(epoch, call, epoch, outcomes, 3, ("default",)))
        outcomes = [success(one) if one.tries > 1 else retrying(one) for one in turn.deliveries]
        for delivery in turn.deliveries:
            print(delivery.job.id)
        if not outcomes and not await broker.size():
            return await broker.close()

asyncio.run(work(sys.argv[1], int(sys.argv[2])))
"""


@pytest.mark.parametrize("alias", [pytest.param("default", marks=ON_SQLITE)])
def test_four_processes_share_a_file_without_hearing_of_a_lock(
    broker: DatabaseBroker, alias: str, outside: Outside
) -> None:
    broker.run_sync(broker.enqueue([job() for _ in range(JOBS)]))
    connections[alias].close()
    command = [sys.executable, "-W", "error", "-c", SCRIPT, broker.rules.queue, "12"]

    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(PROCESSES)
    ]
    answers = [process.communicate() for process in processes]

    assert [error for _, error in answers] == [""] * PROCESSES
    handed_out = Counter(line for output, _ in answers for line in output.split())
    assert set(handed_out.values()) == {2}  # each job once for each of its attempts
    assert outside(broker.counts())[State.SUCCEEDED] == len(handed_out) == JOBS + PROCESSES * 12
