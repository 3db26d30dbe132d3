"""The workers' table: one row from registration until the worker leaves or is reaped."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """One epoch of a worker: its lease, its last exchange and what it is told."""

    epoch = models.CharField(_("epoch"), max_length=64, unique=True)
    queue = models.CharField(_("queue"), max_length=64)
    worker_id = models.CharField(_("worker"), max_length=255)
    host = models.CharField(_("host"), max_length=255)
    pid = models.BigIntegerField(_("process id"))
    concurrency = models.IntegerField(_("concurrency"))
    started_ms = models.BigIntegerField(_("started"))
    lease_end_ms = models.BigIntegerField(_("lease ends"))
    call_no = models.BigIntegerField(_("last exchange"), default=0, db_default=0)
    answers = models.TextField(_("its answers"), default="", db_default="")  # the first letter of each
    news = models.BinaryField(_("news"), default=b"")  # packed, as the last beat told it
    mail = models.BinaryField(_("commands"), default=b"")  # packed commands that wait to be heard

    class Meta:
        db_table = "ardiq_worker"
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.worker_id
