"""Callers who do not give up."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from ardiq_django.exceptions import BrokerError

T = TypeVar("T")


async def insist(verb: Callable[[], Awaitable[T]]) -> T:
    """As callers do it: the same again, until it is answered."""
    while True:
        try:
            return await verb()
        except BrokerError:
            continue
