"""A database broker of each kind, seen from the test's own connection and from outside."""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
from django.db import connections

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.database import DatabaseBroker
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.clock import new_epoch, new_id, now_ms
from ardiq_django.wire import FORMAT, StagedJob, WorkerCard
from tests.programs import wants_mariadb


def on(*aliases: str) -> pytest.MarkDecorator:
    """The mark of a test that uses these databases, besides the default one."""
    return pytest.mark.django_db(transaction=True, databases=["default", *aliases])


ON_SQLITE, ON_POSTGRES = on(), on("postgres")
SERVER_NAMES = ["postgres", "mariadb"] if wants_mariadb() else ["postgres"]
SERVERS = [pytest.param(alias, marks=on(alias)) for alias in SERVER_NAMES]  # all but the file
ALIASES = [pytest.param("default", marks=ON_SQLITE, id="sqlite"), *SERVERS]
Outside = Callable[[Coroutine[Any, Any, Any]], Any]


@pytest.fixture(params=ALIASES)
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


@pytest.fixture
def elsewhere(broker: DatabaseBroker, alias: str) -> Tables:
    """The same tables as another process has them: with bells that nobody hears here."""
    tables = Tables(alias, broker.rules)
    tables.bells = type(tables.bells)(*(type(bell)() for bell in tables.bells))
    return tables


async def write(alias: str, verb: Callable[[], object]) -> None:
    """Write in a thread, and thus on a connection, of its own."""

    def run() -> None:
        verb()
        connections[alias].close()

    await asyncio.to_thread(run)


async def registered(broker: DatabaseBroker) -> str:
    epoch = new_epoch()
    await broker.register(WorkerCard(epoch, "a"))
    return epoch


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
