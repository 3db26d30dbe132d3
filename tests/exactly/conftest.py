"""Fixtures: each database for the effects, each broker for the jobs."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db import connections

from tests.engine.house import House
from tests.programs import wants_mariadb

ALIASES = ["default", "postgres", *(["mariadb"] if wants_mariadb() else [])]


def on(alias: str, *given: Any, name: str = "") -> Any:
    """A parameter whose test uses this database."""
    mark = pytest.mark.django_db(transaction=True, databases=sorted({"default", alias}))
    return pytest.param(*(given or (alias,)), marks=mark, id=name or ("sqlite" if alias == "default" else alias))


BROKERS = [
    on("default", ("memory://", "default"), name="memory"),
    on("default", ("redis", "default"), name="redis"),
    *(on(alias, (f"database://{alias}", alias)) for alias in ALIASES),
]


@pytest.fixture(params=[on(alias) for alias in ALIASES])
def alias(request: pytest.FixtureRequest) -> str:
    """Each database."""
    return str(request.param)


@pytest.fixture
async def house(request: pytest.FixtureRequest, alias: str) -> AsyncIterator[House]:
    """A queue in that database."""
    made = House(f"database://{alias}")
    yield made
    await made.close()
    connections.close_all()


@pytest.fixture(params=BROKERS)
async def anywhere(request: pytest.FixtureRequest) -> AsyncIterator[tuple[House, str]]:
    """A queue on each broker, and the database of the effects."""
    address, alias = request.param
    made = House(str(request.getfixturevalue("redis_url")) if address == "redis" else address)
    yield made, alias
    await made.close()
    connections.close_all()
