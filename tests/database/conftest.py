"""A database broker of each kind, seen from the test's own connection and from outside."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from django.db import connections

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.clock import new_id, now_ms
from ardiq_django.wire import FORMAT, StagedJob

ON_SQLITE = pytest.mark.django_db(transaction=True, databases=["default"])
ON_POSTGRES = pytest.mark.django_db(transaction=True, databases=["default", "postgres"])
Outside = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(
    params=[pytest.param("default", marks=ON_SQLITE), pytest.param("postgres", marks=ON_POSTGRES)],
    ids=["sqlite", "postgres"],
)
def alias(request: pytest.FixtureRequest) -> str:
    """The database; a test that is about one of them chooses it by parametrizing `alias` itself."""
    return str(request.param)


@pytest.fixture
def broker(alias: str) -> Iterator[DatabaseBroker]:
    made = DatabaseBroker(f"database://{alias}", QueueRules(f"t-{secrets.token_hex(6)}"))
    yield made
    asyncio.run(made.close())
    connections[alias].close()


@pytest.fixture
def outside() -> Outside:
    """Run a verb as another process would: on a connection of the broker's own, outside the test's transaction."""
    return asyncio.run


def job(**fields: Any) -> StagedJob:
    given: dict[str, Any] = {
        "format": FORMAT,
        "id": new_id(),
        "task": "shop.tasks.mail",
        "lane": "default",
        "call": b"\x92\x90\x80",
        "enqueued_ms": now_ms(),
    }
    return StagedJob(**{**given, **fields})
