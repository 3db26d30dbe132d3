"""The database's time for who only looks: asked for seldom, and going on meanwhile."""

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import tables as module
from ardiq_django.brokers.database.tables import Tables


@pytest.mark.django_db(databases=["default", "postgres"])
def test_it_is_asked_for_once_in_a_while_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = Tables("postgres", QueueRules("seen", ("default",), 1_000))

    with CaptureQueriesContext(connections["postgres"]) as asked:
        before, first, second = tables.now_ms, tables.seen_ms, tables.seen_ms
        assert before <= first <= second <= tables.now_ms + 1  # it is rounded
        assert len(asked) == 3
        tables.skew_ms = 60_000
        assert tables.seen_ms >= first + 60_000
        assert len(asked) == 3
        monkeypatch.setattr(module, "ASKED_EVERY_S", 0.0)
        assert tables.seen_ms >= first + 60_000
        assert len(asked) == 4
