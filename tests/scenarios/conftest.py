"""The one fixture of the scenarios: a stage on each broker that processes can share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.contract.conftest import ADDRESSES, on_database
from tests.engine.conftest import address, house
from tests.scenarios.stage import Stage

__all__ = ["address", "house"]

SHARED = [pytest.param("redis"), on_database("sqlite"), on_database("postgres", "postgres")]


@pytest.fixture(params=SHARED)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A queue of its own for each test."""
    name: str = request.param
    made = Stage(ADDRESSES.get(name) or str(request.getfixturevalue("redis_url")), tmp_path)
    yield made
    made.close()
