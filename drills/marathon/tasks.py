"""The mixed load of the soak."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Mapping

from ardiq_django import PreparedTask, app, current_task


class Meant(Exception):
    """A job fails because it is meant to."""


@app.task(name="soak.nothing", save_result=False)
async def nothing() -> None:
    """Be over at once."""


@app.task(name="soak.answer")
async def answer(number: int) -> dict[str, int]:
    """Have a result."""
    return {"number": number}


@app.task(name="soak.text")
def text(length: int) -> str:
    """Have a larger result, from a thread."""
    return "x" * length


@app.task(name="soak.rest")
async def rest(seconds: float) -> None:
    """Take a little time, on the loop."""
    await asyncio.sleep(seconds)


@app.task(name="soak.rest_in_thread")
def rest_in_thread(seconds: float) -> None:
    """Take a little time, in a thread."""
    time.sleep(seconds)


@app.task(name="soak.again", max_retries=2, backoff_ms=[20])
async def again() -> int:
    """Fail once, and succeed then."""
    if current_task().tries == 1:
        raise Meant("once")
    return current_task().tries


@app.task(name="soak.fail", max_retries=0)
async def fail() -> None:
    """Fail for good."""
    raise Meant("for good")


Make = Callable[[random.Random], PreparedTask]
MIX: Mapping[Make, int] = {
    lambda chance: nothing.prepare(): 50,
    lambda chance: answer.prepare(chance.randrange(1_000)): 20,
    lambda chance: text.prepare(chance.randrange(10, 2_000)): 8,
    lambda chance: rest.prepare(chance.uniform(0.001, 0.02)): 6,
    lambda chance: rest_in_thread.prepare(chance.uniform(0.001, 0.02)): 4,
    lambda chance: again.prepare(): 5,
    lambda chance: fail.prepare(): 4,
    lambda chance: nothing.options(delay_ms=chance.randrange(10, 2_000)).prepare(): 3,
}


def mixed(chance: random.Random, number: int) -> Iterator[PreparedTask]:
    """So many calls, each kind as often as the mix says."""
    for make in chance.choices(list(MIX), list(MIX.values()), k=number):
        yield make(chance)
