"""The one fixture of the contract suite: a queue kept by each broker in turn."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.keep import Keep

# emptying our tables alone, and nothing else's, makes a test on a database three times as fast
OURS = ["ardiq_django"]
BROKERS = [
    pytest.param("memory"),
    pytest.param("redis"),
    pytest.param("sqlite", marks=pytest.mark.django_db(transaction=True, databases=["default"], available_apps=OURS)),
    pytest.param(
        "postgres",
        marks=pytest.mark.django_db(transaction=True, databases=["default", "postgres"], available_apps=OURS),
    ),
]
ADDRESSES = {"memory": "memory://", "sqlite": "database://default", "postgres": "database://postgres"}


@pytest.fixture(params=BROKERS)
def address(request: pytest.FixtureRequest) -> str:
    """Where each broker keeps its queues."""
    name: str = request.param
    return ADDRESSES[name] if name in ADDRESSES else str(request.getfixturevalue("redis_url"))


@pytest.fixture
async def keep(address: str) -> AsyncIterator[Keep]:
    """A queue of its own for each test, and the hands to work on it."""
    kept = Keep(address)
    yield kept
    await kept.close()
