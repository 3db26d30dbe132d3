"""The health of several worker processes is told as one."""

import os
import signal
from pathlib import Path

import pytest
from pytest_django import Settings

from ardiq_django import bridge, get_app
from ardiq_django.process.health import check
from tests.ring.processes import runworker, until
from tests.services import RedisServer, free_port

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_health_of_all_is_told_as_one(settings: Settings, tmp_path: Path) -> None:
    server, port, file = RedisServer(), str(free_port()), str(tmp_path / "health")
    server.start()
    queues = {"default": {"BROKER": server.url}, "mail": {"BROKER": "database://default"}}
    flags = ("--processes", "2", "--health-port", port, "--health-file", file)

    try:
        with runworker(queues, *flags) as supervisor:
            until(lambda: check(port) == "" and check(file) == "")
            server.kill()
            until(lambda: check(port).endswith("cannot reach the broker of: default"))
            until(lambda: check(file).endswith("cannot reach the broker of: default"))
            server.start()
            until(lambda: check(port) == "" and check(file) == "")
            supervisor.signal(signal.SIGTERM)
            code, said = supervisor.ended()
    finally:
        server.kill()

    assert code == 0, said
    assert not Path(file).exists()
    assert check(port)


def test_an_empty_seat_is_not_well(settings: Settings) -> None:
    settings.ARDIQ = {"default": {"BROKER": "database://default"}}
    port = str(free_port())

    with runworker(settings.ARDIQ, "--processes", "1", "--health-port", port) as supervisor:
        until(lambda: check(port) == "")
        (worker,) = bridge.run(get_app().broker.workers())
        os.kill(worker.card.pid, signal.SIGKILL)
        until(lambda: check(port) != "")
        until(lambda: check(port) == "")
        supervisor.signal(signal.SIGTERM)
        code, said = supervisor.ended()

    assert code == 0, said
