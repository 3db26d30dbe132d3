"""What the pages of workers and schedules ask of a broker."""

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from ardiq_django.declared import get_app
from ardiq_django.wire import News, WorkerCard
from tests.admin.conftest import declared
from tests.admin.pages import get, rows
from tests.admin.test_schedules import NIGHTLY, url

BUDGET = 12


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, address: str, db: None) -> Any:
    """One queue with ten workers and fifty schedules, and a list of what is asked of its broker."""
    calls: list[str] = []
    with declared(address) as (queue,):
        app = get_app(queue)
        for number in range(5):
            app.cron(every=60, name=f"{NIGHTLY}-{number}")(lambda: None)
        task = app.task(name="t")(lambda: None)
        for number in range(45):
            task.options(schedule_id=f"s-{number}", enqueue_on_commit="never").schedule_by_interval_sync(60)
        for number in range(10):
            card = WorkerCard(f"e{number}", f"w{number}", "web", number, 4)
            app.broker.run_sync(app.broker.register(card))
            app.broker.run_sync(app.broker.beat(card.epoch, 0, {}, News({f"j{number}": 1})))
        run = app.broker.run_sync

        def counted(coroutine: Coroutine[Any, Any, Any]) -> Any:
            calls.append(getattr(coroutine, "__qualname__", ""))
            return run(coroutine)

        monkeypatch.setattr(app.broker, "run_sync", counted)
        yield calls


def test_a_page_asks_few_questions(
    asked: list[str], admin_client: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for address, number in ((reverse("admin:ardiq_worker_changelist"), 10), (url(), 50)):
        asked.clear()
        with django_assert_max_num_queries(BUDGET + 2):  # session and user
            page = get(admin_client, address)

        assert len(rows(page)) == number
        assert len(asked) <= 4, asked
