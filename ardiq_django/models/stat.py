"""The statistics' table: what became of attempts, one row for a task and a span of time."""

from collections.abc import Mapping

from django.db import connections, models
from django.utils.translation import gettext_lazy as _

from ardiq_django.models.dialects import dialect
from ardiq_django.models.job import storable
from ardiq_django.models.job_queryset import NAME_LENGTH
from ardiq_django.statistics import Figures, Point, Resolution, named, total


class StatQuerySet(models.QuerySet["Stat"]):
    """The verbs of the statistics' table."""

    def add(self, queue: str, told: Mapping[str, Figures], now_ms: int) -> None:
        """Add figures to the buckets of this moment; inside a transaction of the caller's."""
        told = _storable(told)
        for resolution in Resolution:
            self._add(queue, resolution, resolution.start_ms(now_ms), told)

    def _add(self, queue: str, resolution: Resolution, start_ms: int, told: Mapping[str, Figures]) -> None:
        bucket = self.filter(queue=queue, resolution=resolution.value, start_ms=start_ms)
        known = set(bucket.values_list("task", flat=True))
        told = named(told, known)
        # in one order for all, so that nobody waits in a circle
        new = [self._row(queue, resolution, start_ms, task) for task in sorted(told.keys() - known)]
        self.bulk_create(new, ignore_conflicts=True)
        rows = bucket.filter(task__in=list(told)).order_by("task").select_for_update()
        changed = [(total([row.figures, told[row.task]]).packed(), row.pk) for row in rows]
        dialect(connections[self.db]).change_each("UPDATE ardiq_stat SET cells = %s WHERE id = %s", changed)

    @staticmethod
    def _row(queue: str, resolution: Resolution, start_ms: int, task: str) -> "Stat":
        return Stat(queue=queue, resolution=resolution.value, start_ms=start_ms, task=task, cells=Figures().packed())

    def points(self, queue: str, resolution: Resolution, starts: range, task: str) -> list[Point]:
        """The figures of these buckets, of one task or of each."""
        rows = self.filter(queue=queue, resolution=resolution.value)
        rows = rows.filter(start_ms__gte=starts.start, start_ms__lt=starts.stop)
        if task:
            rows = rows.filter(task=_name(task))
        columns = rows.values_list("start_ms", "cells", "task")
        return [Point(start_ms, Figures.unpacked(bytes(cells)), name) for start_ms, cells, name in columns]

    def purge(self, queue: str, resolution: Resolution, before_ms: int, most: int) -> int:
        """Remove buckets that are older; returns how many rows, which are so many at the most."""
        old = self.filter(queue=queue, resolution=resolution.value, start_ms__lt=before_ms).order_by("start_ms")
        keys = list(old.values_list("pk", flat=True)[:most])
        self.filter(pk__in=keys).delete()
        return len(keys)


class Stat(models.Model):
    """What became of the attempts of one task, or of those beyond the tasks kept by name, in one span of time."""

    queue = models.CharField(_("queue"), max_length=64)
    resolution = models.CharField(_("resolution"), max_length=16)
    start_ms = models.BigIntegerField(_("began"))
    task = models.CharField(_("task"), max_length=NAME_LENGTH)
    cells = models.BinaryField(_("figures"))  # packed

    objects = StatQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_stat"
        verbose_name = _("statistic")
        verbose_name_plural = _("statistics")
        default_permissions = ("view",)
        constraints = (
            models.UniqueConstraint(fields=("queue", "resolution", "start_ms", "task"), name="ardiq_stat_once"),
        )

    def __str__(self) -> str:
        return f"{self.task} {self.resolution} {self.start_ms}"

    @property
    def figures(self) -> Figures:
        return Figures.unpacked(bytes(self.cells))


def _name(task: str) -> str:
    return storable(task)[:NAME_LENGTH]


def _storable(told: Mapping[str, Figures]) -> dict[str, Figures]:
    alike: dict[str, list[Figures]] = {}
    for task, figures in told.items():
        alike.setdefault(_name(task), []).append(figures)
    return {task: total(figures) for task, figures in alike.items()}
