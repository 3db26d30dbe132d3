"""The admin's own task, as real workers run it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from ardiq_django import bridge, get_app
from ardiq_django.operating import act
from ardiq_django.operating.action import ABORT
from ardiq_django.operating.bulk import Bulk
from ardiq_django.results import State
from ardiq_django.snapshot import Query
from tests.ring.processes import runworker
from tests.shop import tasks

pytestmark = pytest.mark.django_db(transaction=True)
Queues = dict[str, Any]


@pytest.fixture(params=["sqlite", "redis"])
def queues(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Queues]:
    at = "database://default" if request.param == "sqlite" else request.getfixturevalue("clean_redis_url")
    settings.ARDIQ = {"default": {"BROKER": at}}
    yield dict(settings.ARDIQ)
    bridge.run(get_app().broker.close())


def test_a_worker_of_a_declared_queue_runs_it(queues: Queues) -> None:
    app, anna = get_app(), User.objects.create_superuser("anna")
    for _ in range(3):
        tasks.add.options(delay_ms=3_600_000).enqueue_sync(1, 1)
    bulk = Bulk(ABORT, Query((State.SCHEDULED,)), bridge.run(app.broker.now_ms()) + 1_000)
    job_id = act.enqueued(app, bulk, anna)

    with runworker(queues, "--burst") as worker:
        code, said = worker.ended()

    assert code == 0, said
    result = app.job(job_id).result_sync()
    assert result is not None, said
    assert result.value == {"done": 3, "refused": {}}
    assert bridge.run(app.broker.counts())[State.ABORTED] == 3
