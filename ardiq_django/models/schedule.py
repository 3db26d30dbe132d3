"""The schedules' table: how far each schedule has been staged."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Schedule(models.Model):
    """A watermark: the last staged fire time, which only moves forward."""

    queue = models.CharField(_("queue"), max_length=64)
    name = models.CharField(_("name"), max_length=200)
    fire_ms = models.BigIntegerField(_("last staged"))

    class Meta:
        db_table = "ardiq_schedule"
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        default_permissions = ("view",)
        constraints = (models.UniqueConstraint(fields=("queue", "name"), name="ardiq_schedule_once"),)

    def __str__(self) -> str:
        return self.name
