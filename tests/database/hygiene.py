"""A worker process whose jobs use PostgreSQL, and what the server says of its connections."""

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections

from ardiq_django import Ardiq, Job, TaskResult, bridge
from tests.ring.processes import WorkerProcess, runworker, until

SOON_S = 40.0
ALIAS = "postgres"
OF_BROKER = {"database": 2, "redis": 0}  # connections to PostgreSQL of a broker's own


@pytest.fixture(params=["database", "redis"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which broker the worker has."""
    return str(request.param)


@pytest.fixture
def broker(kind: str, request: pytest.FixtureRequest) -> str:
    """Its address, as this process knows it."""
    return f"database://{ALIAS}" if kind == "database" else str(request.getfixturevalue("redis_url"))


class Workplace:
    """One worker process with so many slots. `broker` is the address as this process knows it."""

    def __init__(self, broker: str, slots: int) -> None:
        self.slots = slots
        self.name = f"worker-{secrets.token_hex(4)}"
        self.app = Ardiq(broker, queue_name=self.name)
        self.process: WorkerProcess

    def ask(self, task: str, *args: Any) -> Job[Any]:
        return self.app.ref(task).enqueue_sync(*args)

    def done(self, task: str, *args: Any) -> TaskResult[Any]:
        """How a job ended."""
        return self.end_of(self.ask(task, *args))

    def end_of(self, job: Job[Any]) -> TaskResult[Any]:
        result = job.result_sync(timeout=SOON_S)
        assert result is not None
        return result

    def values(self, jobs: list[Job[Any]]) -> list[Any]:
        """What jobs returned that have all succeeded, and at once."""
        results = [self.end_of(job) for job in jobs]
        assert [result.value for result in results if not result.success] == [], self.process.said
        assert [result.tries for result in results] == [1] * len(jobs)
        return [result.value for result in results]

    def backends(self) -> set[int]:
        """The process's connections, by the numbers that the server knows them by."""
        with connections[ALIAS].cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE application_name = %s AND backend_type = 'client backend'",
                [self.name],
            )
            return {pid for (pid,) in cursor.fetchall()}

    def settles_at(self, number: int) -> None:
        """Wait until it has so many connections; a server takes a moment to see that one was closed."""
        until(lambda: len(self.backends()) == number)


@contextmanager
def workplace(broker: str, slots: int, **database: Any) -> Iterator[Workplace]:
    """A worker process on this broker, whose default database has these settings."""
    place = Workplace(broker, slots)
    options = {"application_name": place.name, **database.pop("OPTIONS", {})}
    environment = {
        "DJANGO_SETTINGS_MODULE": "tests.database.hygiene_settings",
        "ARDIQ_TEST_DATABASE": json.dumps({**database, "OPTIONS": options}),
        "ARDIQ_TEST_BROKER": broker.replace(f"database://{ALIAS}", "database://default"),
        "ARDIQ_TEST_QUEUE": place.name,
    }
    arguments = ("tests.database.orm_jobs:app", "--concurrency", str(slots))
    try:
        with runworker({}, *arguments, **environment) as place.process:
            yield place
        until(lambda: not place.backends())
    finally:
        bridge.run(place.app.broker.close())


def sql(statement: str) -> None:
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(statement)


@contextmanager
def role_with(most: int) -> Iterator[str]:
    """A role to which the server grants so many connections at once, and never one more."""
    role = f"few_{secrets.token_hex(4)}"
    sql(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT {most}")
    for kind in ("TABLES", "SEQUENCES"):
        sql(f"GRANT ALL ON ALL {kind} IN SCHEMA public TO {role}")
    try:
        yield role
    finally:
        sql(f"DROP OWNED BY {role}")
        sql(f"DROP ROLE {role}")
