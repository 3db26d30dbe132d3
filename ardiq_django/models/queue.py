"""The queues' table: what holds for a queue as a whole."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class QueueQuerySet(models.QuerySet["Queue"]):
    """The verbs of the queues' table."""

    def set_paused(self, name: str, paused: bool) -> None:
        """Pause the queue, or let it go on."""
        self.update_or_create(name=name, defaults={"paused": paused})

    def pass_clearing(self, name: str, holder: str, epoch: str) -> bool:
        """Let `epoch` clear suspects ("" for nobody), if that is still the duty of `holder`."""
        self.get_or_create(name=name)
        return bool(self.filter(name=name, clearing=holder).update(clearing=epoch, draining=True))

    def begin_clearing(self, name: str, epoch: str) -> bool:
        """From now on nobody takes the place of `epoch`, if it is still its duty."""
        return bool(self.filter(name=name, clearing=epoch).update(draining=False))


class Queue(models.Model):
    """Whether a queue is paused, and which worker clears its suspects. No row means neither."""

    name = models.CharField(_("name"), max_length=64, unique=True)
    paused = models.BooleanField(_("paused"), default=False, db_default=False)
    clearing = models.CharField(_("clearing epoch"), max_length=64, default="", db_default="")

    draining = models.BooleanField(_("finishes other jobs first"), default=False, db_default=False)

    objects = QueueQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_queue"
        verbose_name = _("queue")
        verbose_name_plural = _("queues")
        default_permissions = ("view",)
        permissions = (("pause_queue", _("Can pause and resume queues")), ("clear_queue", _("Can clear queues")))

    def __str__(self) -> str:
        return self.name
