"""A1: connections that are killed, a server that is restarted or emptied; the worker goes on, in the same process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from django.db import connections

from ardiq_django.process.health import check
from tests.contract.conftest import on_database
from tests.ring.processes import until
from tests.scenarios.stage import Stage, kill_connections, stop
from tests.services import RedisServer

Strike = Callable[[], None]


def kill_backends() -> None:
    """Take all other connections from the database."""
    with connections["postgres"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@contextmanager
def struck(broker: str, directory: Path) -> Iterator[tuple[Stage, list[Strike]]]:
    """A stage, and what befalls its broker."""
    if broker == "postgres":
        stage = Stage("database://postgres", directory)
        try:
            yield stage, [kill_backends]
        finally:
            stage.close()
        return
    server = RedisServer("--appendonly", "yes", "--appendfsync", "always")
    server.start()

    def restart() -> None:
        server.kill()
        server.start()

    stage = Stage(server.url, directory)
    kinds = ("normal", "pubsub")
    try:
        yield stage, [*(partial(kill_connections, server.url, kind) for kind in kinds), restart, server.flush]
    finally:
        stage.close()
        server.stop()


@pytest.mark.parametrize("broker", [pytest.param("redis"), on_database("postgres", "postgres")])
def test_a_worker_consumes_again_after_each_trouble(broker: str, tmp_path: Path) -> None:
    health = tmp_path / "health"
    with struck(broker, tmp_path) as (stage, strikes), stage.worker("w", "--health-file", str(health)) as worker:
        values = [stage.end_of(stage.enqueue("steady", 0)).value]
        for strike in strikes:
            strike()
            values.append(stage.end_of(stage.enqueue("steady", 0)).value)
        until(lambda: not check(str(health)))
        stop(worker)

    assert values == [worker.pid] * (len(strikes) + 1)
