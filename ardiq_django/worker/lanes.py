"""In which order a turn serves the lanes, and how much of each it may bring."""

import random
from collections.abc import Iterable, Sequence

from ardiq_django.config import AppOptions


def order(options: AppOptions) -> Sequence[str]:
    """The lanes, highest first, or drawn by their weights."""
    lanes, weights = options.priorities[::-1], options.weights
    if not weights:
        return lanes
    # Efraimidis and Spirakis: a weighted order without replacement
    return sorted(lanes, key=lambda lane: random.random() ** (1 / weights.get(lane, 1)), reverse=True)  # noqa: S311


def caps(options: AppOptions, running: Iterable[str]) -> dict[str, int]:
    """How many more jobs of each limited lane may run, where jobs of these lanes do."""
    if not options.limits:
        return {}
    lanes = list(running)
    return {lane: max(0, most - lanes.count(lane)) for lane, most in options.limits.items()}
