"""The fixture of the engine's tests: a queue on each broker in turn."""

from collections.abc import AsyncIterator

import pytest

from tests.contract.conftest import address
from tests.engine.house import House

__all__ = ["address"]


@pytest.fixture
async def house(address: str) -> AsyncIterator[House]:
    """A queue of its own for each test."""
    made = House(address)
    yield made
    await made.close()
