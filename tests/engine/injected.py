"""A function with dependencies that runs in a process of its own."""

import os
from collections.abc import AsyncIterator, Iterator

from ardiq_django import TaskContext
from ardiq_django.dependencies import Depends
from tests.engine.bodies import app


async def get_pid(context: TaskContext = Depends()) -> AsyncIterator[int]:
    yield os.getpid()
    await context.progress(2)


def get_name(context: TaskContext = Depends()) -> Iterator[str]:
    yield context.name


@app.task(executor="process")
def injected(a: int, pid: int = Depends(get_pid), name: str = Depends(get_name)) -> list[object]:
    return [a, pid == os.getpid(), pid, name]
