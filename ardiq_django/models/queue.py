"""The queues' table: what holds for a queue as a whole."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class QueueQuerySet(models.QuerySet["Queue"]):
    """The verbs of the queues' table."""

    def set_paused(self, name: str, paused: bool) -> None:
        """Pause the queue, or let it go on."""
        self.update_or_create(name=name, defaults={"paused": paused})

    def hold(self, name: str) -> None:
        """Be the only one to choose workers for suspects until this transaction ends."""
        self.select_for_update().get_or_create(name=name)


class Queue(models.Model):
    """Whether a queue is paused. No row means that it is not."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    paused = models.BooleanField(_("paused"), default=False, db_default=False)

    objects = QueueQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_queue"
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        default_permissions = ("view",)
        permissions = (("pause_queue", _("Can pause and resume queues")), ("clear_queue", _("Can clear queues")))

    def __str__(self) -> str:
        return self.name
