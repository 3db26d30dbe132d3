"""The one fixture of the contract suite: a queue kept by each broker in turn."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.contract.keep import Keep
from tests.programs import wants_mariadb
from tests.redis.user import as_published

# emptying our tables alone, and nothing else's, makes a test on a database three times as fast
OURS = ["ardiq_django"]


def on_database(name: str, *aliases: str) -> Any:
    """The parameter of a broker that needs these databases."""
    mark = pytest.mark.django_db(transaction=True, databases=["default", *aliases], available_apps=OURS)
    return pytest.param(name, marks=mark)


BROKERS = [
    pytest.param("memory"),
    pytest.param("redis"),
    on_database("sqlite"),
    on_database("postgres", "postgres"),
    *([on_database("mariadb", "mariadb")] if wants_mariadb() else []),
]
ADDRESSES = {
    "memory": "memory://",
    "sqlite": "database://default",
    "postgres": "database://postgres",
    "mariadb": "database://mariadb",
}


@pytest.fixture(params=BROKERS)
def address(request: pytest.FixtureRequest) -> str:
    """Where each broker keeps its queues; on Redis, as a user who may do no more than the docs say."""
    name: str = request.param
    return ADDRESSES[name] if name in ADDRESSES else as_published(request.getfixturevalue("redis_url"))


@pytest.fixture
async def keep(address: str) -> AsyncIterator[Keep]:
    """A queue of its own for each test, and the hands to work on it."""
    kept = Keep(address)
    yield kept
    await kept.close()
