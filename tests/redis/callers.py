"""Callers: who do not give up, who try whether an address serves, who are told what is wrong with it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest

from ardiq_django.brokers import keeper
from ardiq_django.config import QueueRules
from ardiq_django.exceptions import BrokerError
from tests.engine.house import House, end_of

T = TypeVar("T")


async def insist(verb: Callable[[], Awaitable[T]]) -> T:
    """As callers do it: the same again, until it is answered."""
    while True:
        try:
            return await verb()
        except BrokerError:
            continue


async def check(address: str) -> None:
    """Jobs run and are waited for there, by asynchronous and synchronous callers."""
    house = House(address)
    app = house.app()
    echo = app.task(name="echo")(lambda text: text)
    async with house.working(app):
        assert (await end_of(await echo.enqueue("hello"))).value == "hello"
        result = await house.in_thread(lambda: echo.enqueue_sync("again").result_sync(timeout=10))
        assert result is not None
        assert result.value == "again"
    await house.close()


async def trouble_at(address: str) -> str:
    """What a caller is told there."""
    broker = keeper(address)(address, QueueRules())
    with pytest.raises(BrokerError) as caught:
        await broker.size()
    await broker.close()
    return str(caught.value)
