"""The admin's queue: a row made from how it stands."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.apart import ApartModel
from ardiq_django.dashboard.desk import LATER
from ardiq_django.dashboard.numbers import summed
from ardiq_django.operating.status import QueueStatus
from ardiq_django.results import State


class Queue(ApartModel):
    """One declared queue. The fields are what a list is sorted and searched by; the rest stands in `status`."""

    name = models.CharField(_("name"), primary_key=True, max_length=64)
    waiting = models.IntegerField(_("queued"))
    later = models.IntegerField(_("later"))
    running = models.IntegerField(_("running"))
    oldest_ms = models.BigIntegerField(_("oldest wait"), null=True)

    status: QueueStatus

    class Meta(ApartModel.Meta):
        verbose_name = _("queue")
        verbose_name_plural = _("queues")

    def __str__(self) -> str:
        return str(self.name)

    @classmethod
    def of(cls, status: QueueStatus) -> "Queue":
        """The row that shows how a queue stands."""
        counts = status.counts
        row = cls(
            name=status.queue,
            waiting=counts.get(State.QUEUED, 0),
            later=summed([counts.get(state, 0) for state in LATER]),
            running=counts.get(State.RUNNING, 0),
            oldest_ms=status.oldest_wait_ms,
        )
        return row.shown(status=status)
