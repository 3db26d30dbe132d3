"""The attempts' table: what did not succeed, when, where and why."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from ardiq_django import results
from ardiq_django.models.job import Job, lines_of, storable
from ardiq_django.models.job_queryset import NAME_LENGTH


class Attempt(models.Model):
    """One attempt of a job, as `results.Attempt` has it."""

    # Attempts go where their job goes. A constraint would look for them once for each row that retention removes,
    # which makes it three times as slow on PostgreSQL.
    job = models.ForeignKey(
        Job, on_delete=models.CASCADE, related_name="attempts", verbose_name=_("job"), db_constraint=False
    )
    number = models.IntegerField(_("number"))
    event = models.CharField(_("event"), max_length=32)
    start_ms = models.BigIntegerField(_("started"))
    finish_ms = models.BigIntegerField(_("finished"))
    worker = models.CharField(_("worker"), max_length=NAME_LENGTH)
    error_type = models.TextField(_("error type"))
    message = models.TextField(_("message"))
    traceback = models.TextField(_("traceback"))
    logs = models.TextField(_("log"))
    children = models.TextField(_("jobs it enqueued"), default="", db_default="")

    class Meta:
        db_table = "ardiq_attempt"
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return f"{self.number} {self.event}"

    @classmethod
    def of(cls, job: Job, attempt: results.Attempt) -> "Attempt":
        """The row of an attempt, not yet stored."""
        texts = {name: storable(getattr(attempt, name)) for name in ("error_type", "message", "traceback", "logs")}
        return cls(
            job_id=job.pk,
            number=attempt.number,
            event=attempt.event[:32],
            start_ms=attempt.start_ms,
            finish_ms=attempt.finish_ms,
            worker=storable(attempt.worker)[:NAME_LENGTH],
            children=lines_of(attempt.children),
            **texts,
        )

    @property
    def result(self) -> results.Attempt:
        """The attempt as callers know it."""
        return results.Attempt(
            self.number, self.event, self.start_ms, self.finish_ms, self.worker,
            self.error_type, self.message, self.traceback, self.logs, tuple(self.children.splitlines()),
        )  # fmt: skip
