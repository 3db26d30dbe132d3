"""What is read of the workers and of the store while the soak runs."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ardiq_django import app
from ardiq_django.bridge import run
from drills.ground import Ground

WAKE = "wake"  # a token that is there or not
STATISTICS = "stat:"  # figures of each minute, ten minutes and hour; each goes by its own time


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at one worker process; `done` is how many jobs each of them has done by then."""

    done: float
    rss_kb: int
    fds: int
    threads: int


@dataclass(slots=True)
class Gauge:
    """The samples of one worker process."""

    pid: int
    samples: list[Sample] = field(default_factory=list)

    def look(self, done: float) -> None:
        """Take a sample."""
        fields = dict(line.split(":", 1) for line in Path(f"/proc/{self.pid}/status").read_text().splitlines())
        fds = sum(1 for _ in Path(f"/proc/{self.pid}/fd").iterdir())
        self.samples.append(Sample(done, int(fields["VmRSS"].split()[0]), fds, int(fields["Threads"])))

    def growth_mb(self, warm: float) -> float:
        """Of its memory, for each 100,000 of its own jobs, after so many of them: the slope through all samples."""
        kept = [one for one in self.samples if one.done >= warm]
        if len({one.done for one in kept}) < 2:
            return float("inf")
        slope, _ = statistics.linear_regression([one.done for one in kept], [one.rss_kb for one in kept])
        return slope * 100_000 / 1024

    def fds(self, warm: float) -> tuple[int, int]:
        """The most it had open in the first half after the warm-up, and in the second."""
        kept = [one.fds for one in self.samples if one.done >= warm]
        half = len(kept) // 2
        return max(kept[:half], default=0), max(kept[half:], default=0)


@dataclass(frozen=True, slots=True)
class Store:
    """How large the store is: its keys or rows, but for figures over time, and its bytes."""

    entries: Mapping[str, int]
    figures: int
    size_bytes: int
    connections: int

    @property
    def total(self) -> int:
        return sum(self.entries.values())


def store_of(ground: Ground) -> Store:
    """A look at the store."""
    return run(_redis(app.broker.address)) if ground.broker == "redis" else _tables(ground)


async def _redis(address: str) -> Store:
    from redis.asyncio import Redis

    client = Redis.from_url(address)
    try:
        names = [key.decode().partition("}:")[2] async for key in client.scan_iter("*", 5_000)]
        kinds: dict[str, int] = {}
        for name in names:
            if not name.startswith((STATISTICS, WAKE)):
                kind = name.partition(":")[0]
                kinds[kind] = kinds.get(kind, 0) + 1
        figures = sum(name.startswith(STATISTICS) for name in names)
        memory, clients = await client.info("memory"), await client.info("clients")
        return Store(kinds, figures, memory["used_memory"], clients["connected_clients"] - 1)
    finally:
        await client.aclose()


def _tables(ground: Ground) -> Store:
    from ardiq_django.models import Attempt, Job, Stat

    rows = {model.__name__: model.objects.using(ground.alias).count() for model in (Job, Attempt)}
    figures = Stat.objects.using(ground.alias).count()
    if ground.broker != "postgres":
        return Store(rows, figures, Path(ground.environment["DRILL_SQLITE"]).stat().st_size, 0)
    size = "SELECT pg_total_relation_size('ardiq_job') + pg_total_relation_size('ardiq_attempt')"
    return Store(rows, figures, _asked(ground, size), _asked(ground, "SELECT count(*) FROM pg_stat_activity"))


def _asked(ground: Ground, sql: str) -> Any:
    from django.db import connections

    with connections[ground.alias].cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]


def quantiles(minutes: Sequence[Any], share: float) -> list[int]:
    """The pick-up latency of each minute that was measured."""
    return [one.figures.wait_ms(share) or 0 for one in minutes]
