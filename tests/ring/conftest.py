"""Fixtures of the ring's tests."""

from collections.abc import AsyncIterator

import pytest

from tests.engine.house import House


@pytest.fixture(params=["memory", "redis"])
async def house(request: pytest.FixtureRequest) -> AsyncIterator[House]:
    """A queue on each broker that is not in the database."""
    made = House("memory://" if request.param == "memory" else str(request.getfixturevalue("redis_url")))
    yield made
    await made.close()
