"""What workers report of their attempts: added once, read by time."""

from collections.abc import Mapping

from ardiq_django.brokers.database.tables import Tables
from ardiq_django.exceptions import LeaseLost
from ardiq_django.statistics import Figures, Point, Resolution


class _Refused(Exception):
    """The report is known, or its worker is not: nothing of it may stay."""


def report(tables: Tables, epoch: str, number: int, figures: Mapping[str, Figures]) -> None:
    """Add figures to the buckets of this moment, once for each number of an epoch."""
    try:
        with tables.atomic():
            tables.stats.add(tables.queue, figures, tables.now_ms)
            # at last, for an exchange of this worker has to wait from here on until the commit
            if not tables.workers.has_reported(epoch, number):
                raise _Refused
    except _Refused:
        if not tables.workers.filter(epoch=epoch).exists():
            raise LeaseLost(f"worker epoch {epoch} is not registered, or was reaped") from None


def points(tables: Tables, resolution: Resolution, since_ms: int, until_ms: int, task: str) -> list[Point]:
    """The figures of the buckets of this time."""
    return tables.stats.points(tables.queue, resolution, resolution.starts(since_ms, until_ms, tables.seen_ms), task)
