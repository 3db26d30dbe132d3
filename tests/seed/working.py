"""Workers for the tests of Ardiq's pages."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from ardiq_django import Ardiq
from tests.engine.house import soon

Make = Callable[..., Ardiq]


async def drain(app: Ardiq) -> None:
    """Work until nothing is left."""
    app.burst = True
    await soon(app.run())


@asynccontextmanager
async def working(app: Ardiq) -> AsyncIterator[None]:
    """A worker, until the block ends."""
    running = asyncio.create_task(app.run())
    try:
        yield
    finally:
        app.stop()
        await soon(running)


async def is_status(app: Ardiq, job_id: str, status: str) -> bool:
    return await app.status(job_id) == status
