"""The one fixture of the contract suite: a queue kept by each broker in turn."""

from collections.abc import AsyncIterator
from importlib.util import find_spec

import pytest

from tests.contract.keep import Keep

BROKERS = [
    pytest.param("memory"),
    pytest.param("redis"),
    pytest.param("sqlite", marks=pytest.mark.django_db(transaction=True, databases=["default"])),
    pytest.param("postgres", marks=pytest.mark.django_db(transaction=True, databases=["default", "postgres"])),
]
MODULES = {"sqlite": "database", "postgres": "database"}
ADDRESSES = {"memory": "memory://", "sqlite": "database://default", "postgres": "database://postgres"}


def written(broker: str) -> bool:
    return find_spec(f"ardiq_django.brokers.{MODULES.get(broker, broker)}") is not None


# A broker that is not written yet is left out: remove the condition once all are.
WRITTEN = [param for param in BROKERS if written(str(param.values[0]))]


@pytest.fixture(params=WRITTEN)
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
