"""An app by hand whose lifespan cannot begin as long as a file is not there."""

import asyncio
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

from ardiq_django import Ardiq

app = Ardiq(os.environ.get("ARDIQ_TEST_BROKER", "database://default"), queue_name="lived")
wanted = Path(os.environ.get("ARDIQ_TEST_WANTED", "/nowhere"))
logger = logging.getLogger(__name__)


@app.lifespan
async def resources() -> AsyncIterator[dict[str, str]]:
    """What the task reads."""
    yield {"text": await asyncio.to_thread(wanted.read_text)}
    wanted.with_suffix(".closed").touch()


@app.task(max_retries=0)
def read() -> str:
    """Log what the lifespan has read, and fail."""
    logger.info("it says %s", app.state.text)
    raise ValueError(app.state.text)
