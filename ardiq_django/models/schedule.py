"""The schedules' table: how far each schedule has been staged."""

from collections.abc import Sequence

from django.db import models
from django.utils.translation import gettext_lazy as _


class ScheduleQuerySet(models.QuerySet["Schedule"]):
    """The verbs of the schedules' table."""

    def marks(self, queue: str, names: Sequence[str], now_ms: int) -> dict[str, int]:
        """The watermark of each schedule; one that is new begins now."""
        found = self._marks(queue, names)
        if new := [name for name in names if name not in found]:
            rows = [Schedule(queue=queue, name=name, fire_ms=now_ms) for name in new]
            self.bulk_create(rows, ignore_conflicts=True)
            found = self._marks(queue, names)
        return found

    def _marks(self, queue: str, names: Sequence[str]) -> dict[str, int]:
        return dict(self.filter(queue=queue, name__in=names).values_list("name", "fire_ms"))

    def advance(self, queue: str, name: str, fire_ms: int) -> bool:
        """Move a watermark forward; False if it is there already."""
        self.bulk_create([Schedule(queue=queue, name=name, fire_ms=0)], ignore_conflicts=True)
        return bool(self.filter(queue=queue, name=name, fire_ms__lt=fire_ms).update(fire_ms=fire_ms))


class Schedule(models.Model):
    """A watermark: the last staged fire time, which only moves forward."""

    queue = models.CharField(_("queue"), max_length=64)
    name = models.CharField(_("name"), max_length=200)
    fire_ms = models.BigIntegerField(_("last staged"))

    objects = ScheduleQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_schedule"
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=("queue", "name"), name="ardiq_schedule_once"),)

    def __str__(self) -> str:
        return self.name
