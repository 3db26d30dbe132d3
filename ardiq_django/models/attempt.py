"""The attempts' table: what did not succeed, when, where and why."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ardiq_django.models.job import Job


class Attempt(models.Model):
    """One attempt of a job, as `results.Attempt` has it."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="attempts", verbose_name=_("job"))
    number = models.IntegerField(_("number"))
    event = models.CharField(_("event"), max_length=32)
    start_ms = models.BigIntegerField(_("started"))
    finish_ms = models.BigIntegerField(_("finished"))
    worker = models.CharField(_("worker"), max_length=255)
    error_type = models.TextField(_("error type"))
    message = models.TextField(_("message"))
    traceback = models.TextField(_("traceback"))
    logs = models.TextField(_("log"))

    class Meta:
        db_table = "ardiq_attempt"
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.number} {self.event}"
