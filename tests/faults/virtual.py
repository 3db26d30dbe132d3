"""An event loop whose time passes in no time: where everybody sleeps, the clock is set forward."""

import asyncio
import selectors
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

BEGAN_NS = 1_700_000_000_000_000_000  # some day


MOST_ROUNDS = 500_000  # of a loop; a life has some ten thousand


class Stuck(Exception):
    """Everybody sleeps, and nobody would ever wake; or somebody never sleeps."""


class _Skipping(selectors.SelectSelector):
    """Waits for nothing: it says by how much."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self._rounds = 0

    def select(self, timeout: float | None = None) -> Any:
        self._rounds += 1
        if timeout is None or self._rounds > MOST_ROUNDS:
            raise Stuck
        self.now_s += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at zero."""

    def __init__(self) -> None:
        self._skipping = _Skipping()
        super().__init__(self._skipping)

    def time(self) -> float:
        return self._skipping.now_s


@contextmanager
def virtual_time() -> Iterator[VirtualLoop]:
    """A loop of which all that asks for the time is told."""
    loop, clocks = VirtualLoop(), (time.monotonic, time.time_ns)
    time.monotonic = loop.time
    time.time_ns = lambda: BEGAN_NS + int(loop.time() * 1e9)
    try:
        yield loop
    finally:
        time.monotonic, time.time_ns = clocks
        loop.close()
