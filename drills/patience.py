"""Waiting for what other processes do."""

import time
from collections.abc import Callable

PATIENCE_S = 120.0


class TookTooLong(Exception):
    """What a drill waited for did not happen."""


def until(holds: Callable[[], bool], what: str, patience_s: float = PATIENCE_S, look_every_s: float = 0.05) -> None:
    """Return once this is so; raises `TookTooLong`, saying what was waited for."""
    deadline = time.monotonic() + patience_s
    while not holds():
        if time.monotonic() > deadline:
            raise TookTooLong(f"after {patience_s:.0f} s still not so: {what}")
        time.sleep(look_every_s)
