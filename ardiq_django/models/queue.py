"""The queues' table: what holds for a queue as a whole."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Queue(models.Model):
    """Whether a queue is paused, and which worker clears its suspects. No row means neither."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    paused = models.BooleanField(_("paused"), default=False, db_default=False)
    clearing = models.CharField(_("clearing epoch"), max_length=64, default="", db_default="")

    class Meta:
        db_table = "ardiq_queue"
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.name
