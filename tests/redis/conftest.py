"""A queue on the shared Redis, and a client of the server beside it."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.contract.keep import Keep
from tests.services import RedisServer


@pytest.fixture
async def keep(clean_redis_url: str) -> AsyncIterator[Keep]:
    kept = Keep(clean_redis_url)
    yield kept
    await kept.close()


@pytest.fixture
async def server(clean_redis_url: str) -> AsyncIterator[Any]:
    """The server itself, as its administrator sees it."""
    client: Any = Redis.from_url(clean_redis_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server of the test's own, which it may stop, pause or fill."""
    made = RedisServer()
    made.start()
    yield made
    made.stop()
