"""Workers that are killed at the worst moment, or stopped until their lease is over: each effect is there once.

`ARDIQ_TEST_TRIALS=100` makes so many trials of each kind."""

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from django.db import connections

from ardiq_django import Ardiq
from ardiq_django.results import State
from tests.exactly.conftest import ALIASES, BROKERS, on
from tests.exactly.effects import bought
from tests.services import work_dir

TRIALS = int(os.environ.get("ARDIQ_TEST_TRIALS", "6"))
MOMENTS = ["in the body", "before the commit", "after the commit"]
SERVERS = [alias for alias in ALIASES if alias != "default"]  # an atomic body keeps a file of SQLite to itself
OVERTAKEN = [
    on("default", ("redis", "default"), "receipted", name="redis-receipted"),
    *(on(alias, (f"database://{alias}", alias), "receipted", name=f"{alias}-receipted") for alias in ALIASES),
    *(on(alias, (f"database://{alias}", alias), "atomic", name=f"{alias}-atomic") for alias in SERVERS),
]


class Trials:
    """Jobs of one task, each to be met by its trouble, in a queue of its own."""

    def __init__(self, address: str, alias: str, place: Path, *, slots: int) -> None:
        self.alias = alias
        self._place = place
        self._app = Ardiq(address, queue_name=f"t-{place.name[:50]}-{os.getpid()}")
        self._environment = {
            **os.environ,
            "ARDIQ_TEST_ADDRESS": address,
            "ARDIQ_TEST_ALIAS": alias,
            "ARDIQ_TEST_QUEUE": self._app.queue_name,
            "ARDIQ_TEST_PLACE": str(place),
            "ARDIQ_TEST_SLOTS": str(slots),
            "ARDIQ_TEST_DIR": str(work_dir()),
        }
        self.names = [f"{place.name} {number}" for number in range(TRIALS)]

    def make(self, task: str, where: str, mode: str) -> None:
        """Enqueue them all, and let workers live and die."""
        calls = [self._app.ref(task).prepare(name=name, where=where) for name in self.names]
        self._ids = [job.id for job in self._app.enqueue_many_sync(calls)]
        command = [sys.executable, "-m", "tests.exactly.nursery", mode, str(TRIALS)]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    @property
    def effects(self) -> set[int]:
        """How many there are of a job."""
        return {bought(self.alias, name) for name in self.names}

    @property
    def runs(self) -> set[int]:
        """How often a job was begun."""
        return set(Counter((self._place / "runs").read_text().splitlines()).values())

    @property
    def states(self) -> set[State]:
        broker = self._app.broker
        found = [broker.run_sync(broker.get(one)) for one in self._ids]
        return {one.state for one in found if one}

    def close(self) -> None:
        self._app.broker.run_sync(self._app.broker.close())
        connections.close_all()


@pytest.mark.parametrize("alias", [on(alias) for alias in ALIASES])
@pytest.mark.parametrize("moment", MOMENTS)
def test_an_atomic_task_has_its_effect_once(alias: str, moment: str, tmp_path: Path) -> None:
    trials = Trials(f"database://{alias}", alias, tmp_path, slots=1)

    trials.make("atomic", moment, "die")

    assert trials.effects == {1}
    assert trials.runs == {1 if moment == "after the commit" else 2}
    assert trials.states == {State.SUCCEEDED}
    trials.close()


@pytest.mark.parametrize("alias", [on(alias) for alias in ALIASES])
def test_an_ordinary_task_has_it_twice(alias: str, tmp_path: Path) -> None:
    trials = Trials(f"database://{alias}", alias, tmp_path, slots=1)

    trials.make("ordinary", "after the commit", "die")

    assert trials.effects == {2}
    assert trials.states == {State.SUCCEEDED}
    trials.close()


@pytest.mark.parametrize("broker", [one for one in BROKERS if one.id != "memory"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_with_a_receipt_the_effect_is_there_once(
    broker: tuple[str, str], moment: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    address, alias = broker
    address = str(request.getfixturevalue("redis_url")) if address == "redis" else address
    trials = Trials(address, alias, tmp_path, slots=1)

    trials.make("receipted", moment, "die")

    assert trials.effects == {1}
    assert trials.runs == {2}
    assert trials.states == {State.SUCCEEDED}
    trials.close()


@pytest.mark.parametrize(("broker", "task"), OVERTAKEN)
def test_one_that_is_overtaken_and_wakes_adds_nothing(
    broker: tuple[str, str], task: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    address, alias = broker
    address = str(request.getfixturevalue("redis_url")) if address == "redis" else address
    trials = Trials(address, alias, tmp_path, slots=TRIALS)

    trials.make(task, "stopped", "stop")

    assert trials.effects == {1}
    assert trials.runs == {2}
    assert trials.states == {State.SUCCEEDED}
    trials.close()
