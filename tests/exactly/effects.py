"""Effects that can be counted: rows of a table."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

from tests.shop.models import Order

T = TypeVar("T")


def buy(alias: str, name: str) -> None:
    """One effect."""
    Order.objects.using(alias).create(name=name)


def bought(alias: str, name: str) -> int:
    """How many effects of that name there are."""
    return Order.objects.using(alias).filter(name=name).count()


async def apart(work: Callable[[], T]) -> T:
    """What `work` returns in a thread, and thus with connections, of its own."""

    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    return await asyncio.to_thread(run)
