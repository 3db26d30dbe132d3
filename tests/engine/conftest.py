"""The fixtures of the engine's tests: a queue on each broker in turn, and an app whose tasks processes find."""

from collections.abc import AsyncIterator

import pytest

from ardiq_django import Ardiq
from tests.contract.conftest import address
from tests.engine import bodies
from tests.engine.house import House

__all__ = ["address"]


@pytest.fixture
async def house(address: str) -> AsyncIterator[House]:
    """A queue of its own for each test."""
    made = House(address)
    yield made
    await made.close()


@pytest.fixture
def bodies_app(house: House, monkeypatch: pytest.MonkeyPatch) -> Ardiq:
    """An app with the tasks of `bodies`; the processes of its worker find it there."""
    monkeypatch.setenv(bodies.ADDRESS, house.address)
    monkeypatch.setenv(bodies.QUEUE, house.queue)
    if not house.address.startswith("database"):
        monkeypatch.delenv("DJANGO_SETTINGS_MODULE")  # whose setting up takes longer than all the rest
    app = house.app()
    app.registry = bodies.app.registry
    return app
