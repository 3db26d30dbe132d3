"""The admin's task: a declared function of a queue, and what became of its jobs within a day."""

from collections.abc import Sequence
from functools import cached_property

from django.db import models
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.apart import ApartModel
from ardiq_django.statistics import Figures, Point, total


class Task(ApartModel):
    """The fields are what a list is sorted and searched by; the rest stands in `points`."""

    id = models.CharField(_("key"), primary_key=True, max_length=330)  # <queue>:<name>
    name = models.CharField(_("task"), max_length=255)
    queue = models.CharField(_("queue"), max_length=64)
    runs = models.IntegerField(_("runs"))
    failed = models.FloatField(_("failed"), null=True)  # of a hundred that ended
    wait_ms = models.IntegerField(_("wait, 95 %"), null=True)
    run_ms = models.IntegerField(_("run, median"), null=True)
    slow_ms = models.IntegerField(_("run, 95 %"), null=True)

    points: Sequence[Point]
    is_declared: bool  # in this process

    class Meta(ApartModel.Meta):
        verbose_name = _("task")
        verbose_name_plural = _("tasks")

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def of(cls, queue: str, name: str, points: Sequence[Point], is_declared: bool) -> "Task":
        """The row of a task with its figures of one day."""
        day = total(point.figures for point in points)
        ended = day.succeeded + day.failed
        row = cls(
            id=f"{queue}:{name}",
            name=name,
            queue=queue,
            runs=day.begun,
            failed=100 * day.failed / ended if ended else None,
            wait_ms=day.wait_ms(0.95),
            run_ms=day.run_ms(0.5),
            slow_ms=day.run_ms(0.95),
        )
        return row.shown(points=points, is_declared=is_declared)

    @cached_property
    def hours(self) -> dict[int, Figures]:
        """Its figures by the beginning of each hour in which it ran."""
        by_hour: dict[int, list[Figures]] = {}
        for point in self.points:
            by_hour.setdefault(point.start_ms - point.start_ms % 3_600_000, []).append(point.figures)
        return {start: total(found) for start, found in by_hour.items()}
