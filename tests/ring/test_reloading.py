"""When a worker watches its code: for development, unless it is told otherwise."""

import signal
from pathlib import Path

import pytest
from pytest_django import Settings

from ardiq_django import bridge, get_app
from tests.ring.processes import runworker
from tests.shop import tasks

WATCHING = "ardiq-reload"


@pytest.mark.parametrize(
    ("debug", "flags", "watches"),
    [
        ("", [], False),
        ("yes", [], True),
        ("", ["--reload"], True),
        ("yes", ["--no-reload"], False),
        ("yes", ["--burst"], False),
    ],
)
def test_a_worker_reloads_by_default_in_debug_alone(
    settings: Settings, clean_redis_url: str, tmp_path: Path, debug: str, flags: list[str], watches: bool
) -> None:
    settings.ARDIQ = {"default": {"BROKER": clean_redis_url}}
    job = tasks.threads.enqueue_sync()

    with runworker(settings.ARDIQ, *flags, ARDIQ_TEST_DEBUG=debug) as worker:
        result = job.result_sync(timeout=30)
        worker.signal(signal.SIGTERM)
        code, said = worker.ended()
    bridge.run(get_app().broker.close())

    assert code == 0, said
    assert result is not None
    assert (WATCHING in result.value) is watches
