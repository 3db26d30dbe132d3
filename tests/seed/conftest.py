"""Apps as Ardiq's own pages make them, on Redis."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ardiq_django import Ardiq
from tests.seed.working import Make


@pytest.fixture
async def make(redis_url: str) -> AsyncIterator[Make]:
    """Makes apps, each on a queue of its own."""
    made: list[Ardiq] = []

    def make(**options: Any) -> Ardiq:
        made.append(Ardiq(redis_url, f"seed-{secrets.token_hex(4)}", **options))
        return made[-1]

    yield make
    for app in made:
        await app.broker.close()
