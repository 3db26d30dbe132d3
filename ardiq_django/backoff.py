"""How long to wait before the next attempt."""

import random
from collections.abc import Callable, Sequence

from ardiq_django.clock import LONGEST_MS

HOUR_MS = 3_600_000
DEFAULT_BASE_MS = 1_000

Backoff = int | Sequence[int] | Callable[[int, BaseException], int]


def wait_ms(backoff: Backoff, tries: int, error: BaseException, chance: Callable[[], float] = random.random) -> int:
    """The wait after attempt `tries` (from 1) failed with `error`.

    An int is a base (0 means 1,000 ms): base times tries squared, at most one hour, plus up to a tenth of jitter.
    A sequence is an explicit ladder whose last value repeats; a callable `(tries, error) -> ms` decides alone.
    """
    if callable(backoff):
        return min(max(0, int(backoff(tries, error))), LONGEST_MS)
    if not isinstance(backoff, int):
        return backoff[min(tries, len(backoff)) - 1]
    wait = min((backoff or DEFAULT_BASE_MS) * tries * tries, HOUR_MS)
    return wait + int(wait * 0.1 * chance())
