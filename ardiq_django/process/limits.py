"""When a process has done enough: so many jobs, so much memory, so long a life."""

import time
from dataclasses import dataclass

from ardiq_django.worker.vitals import resident_bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None for no limit."""

    max_jobs: int | None = None
    max_rss_bytes: int | None = None
    max_age_s: float | None = None


class Measure:
    """One process held against its limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._began_s = time.monotonic()

    def excess(self, jobs: int) -> str:
        """Which limit is reached, in words; empty if none is."""
        limits, age_s = self._limits, time.monotonic() - self._began_s
        if limits.max_jobs is not None and jobs >= limits.max_jobs:
            return f"{jobs} jobs have begun (max_jobs={limits.max_jobs})"
        if limits.max_rss_bytes is not None and (rss_bytes := resident_bytes()) > limits.max_rss_bytes:
            return f"it takes {rss_bytes >> 20} MB (max_rss={limits.max_rss_bytes >> 20})"
        if limits.max_age_s is not None and age_s >= limits.max_age_s:
            return f"it is {age_s:.0f} s old (max_age={limits.max_age_s:g})"
        return ""
