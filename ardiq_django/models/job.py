"""The job's table: one row from acceptance until retention removes it."""

from collections.abc import Sequence

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from ardiq_django.models.job_queryset import NAME_LENGTH, JobQuerySet
from ardiq_django.models.rows import Claimed
from ardiq_django.results import State
from ardiq_django.wire import End

LABELS = {
    State.SCHEDULED: _("scheduled"),
    State.QUEUED: _("queued"),
    State.RUNNING: _("running"),
    State.RETRYING: _("retrying"),
    State.SUCCEEDED: _("succeeded"),
    State.FAILED: _("failed"),
    State.ABORTED: _("aborted"),
    State.EXPIRED: _("expired"),
}


def storable(text: str) -> str:
    """The text with what some database cannot store (NUL, lone surrogates) written as escapes."""
    return text.replace("\x00", "\\x00").encode(errors="backslashreplace").decode()


def lines_of(keys: Sequence[str]) -> str:
    """Keys of jobs as a column keeps them, each a line; one that is no line is left out."""
    return "\n".join(key for key in keys if storable(key).splitlines() == [key])


class Job(models.Model):
    """One call of a task. All times are epoch milliseconds; 0 stands for none."""

    queue = models.CharField(_("queue"), max_length=64)
    job_id = models.CharField(_("job id"), max_length=200)
    envelope = models.BinaryField(_("envelope"))  # the StagedJob, packed
    task = models.CharField(_("task"), max_length=NAME_LENGTH)
    lane = models.CharField(_("lane"), max_length=64)
    state = models.CharField(_("state"), max_length=10, choices=[(state.value, LABELS[state]) for state in State])
    # when it became due or becomes due; lanes are served in its order
    due_ms = models.BigIntegerField(_("due"))
    expires_ms = models.BigIntegerField(_("expires"), default=0, db_default=0)
    enqueued_ms = models.BigIntegerField(_("enqueued"))
    tries = models.IntegerField(_("attempts spent"), default=0, db_default=0)
    crashes = models.IntegerField(_("crashes"), default=0, db_default=0)
    requeues = models.IntegerField(_("requeues"), default=0, db_default=0)
    # the fence: who runs it, or ended it, and that worker's number of the claim
    epoch = models.CharField(_("worker epoch"), max_length=64, default="", db_default="")
    claim = models.BigIntegerField(_("claim"), default=0, db_default=0)
    worker = models.CharField(_("worker"), max_length=NAME_LENGTH, default="", db_default="")
    start_ms = models.BigIntegerField(_("started"), default=0, db_default=0)
    finish_ms = models.BigIntegerField(_("finished"), default=0, db_default=0)
    ttl_ms = models.BigIntegerField(_("result kept for"), default=0, db_default=0)
    reason = models.TextField(_("reason"), default="", db_default="")
    value = models.BinaryField(_("result"), null=True)
    abort_asked = models.BooleanField(_("abort asked"), default=False, db_default=False)
    children = models.TextField(_("jobs it enqueued"), default="", db_default="")
    logs = models.TextField(_("log"), default="", db_default="")  # of the attempt that succeeded
    has_history = models.BooleanField(_("has attempts"), default=False, db_default=False)
    unique_for_ms = models.BigIntegerField(_("unique after its end for"), default=0, db_default=0)

    objects = JobQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_job"
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        default_permissions = ("view", "change", "delete")
        permissions = (
            ("retry_job", _("Can retry jobs")),
            ("abort_job", _("Can abort jobs")),
            ("reschedule_job", _("Can change when jobs run")),
            ("enqueue_job", _("Can enqueue jobs")),
            ("view_job_payload", _("Can see arguments and results of jobs")),
        )
        constraints = (models.UniqueConstraint(fields=("queue", "job_id"), name="ardiq_job_once"),)
        # A row stands in one or two of these at a time, so that a transition touches as few as possible.
        indexes = (
            models.Index(
                fields=("queue", "lane", "due_ms", "id"), name="ardiq_job_ready", condition=Q(state="queued", crashes=0)
            ),
            models.Index(
                fields=("queue", "due_ms"), name="ardiq_job_suspect", condition=Q(state="queued", crashes__gt=0)
            ),
            models.Index(
                fields=("queue", "due_ms"), name="ardiq_job_waiting", condition=Q(state__in=("scheduled", "retrying"))
            ),
            # for those who look: among many that are scheduled they would not be found
            models.Index(fields=("queue", "due_ms"), name="ardiq_job_retrying", condition=Q(state="retrying")),
            models.Index(
                fields=("queue", "expires_ms"),
                name="ardiq_job_expiry",
                condition=Q(state__in=("scheduled", "queued"), expires_ms__gt=0),
            ),
            models.Index(fields=("queue", "epoch"), name="ardiq_job_held", condition=Q(state="running")),
            models.Index(
                fields=("queue", "state", "finish_ms", "id"), name="ardiq_job_ended", condition=Q(finish_ms__gt=0)
            ),
        )

    def __str__(self) -> str:
        return f"{self.queue}:{self.job_id}"

    @property
    def fence(self) -> tuple[str, int]:
        """Who holds it, by which claim."""
        return self.epoch, self.claim

    @property
    def claimed(self) -> Claimed:
        """The row as the hot path reads it."""
        return Claimed(
            self.due_ms, self.pk, self.job_id, bytes(self.envelope),
            self.tries, self.crashes, self.requeues, self.has_history,
        )  # fmt: skip

    def wait(self, state: State, due_ms: int) -> None:
        """Nobody holds it, and it has not ended: it stands in its lane, or comes there, by `due_ms`."""
        if self.epoch:
            self.expires_ms = 0  # it was started in time
        self.state, self.due_ms = state.value, due_ms
        self.finish_ms, self.ttl_ms, self.reason = 0, 0, ""
        self._let_go()

    def finish(self, end: End) -> None:
        """It ends, by the word of whoever holds it, or of nobody."""
        self.state, self.tries, self.reason = end.state.value, end.tries, storable(end.reason)
        if not end.claim:
            self._let_go()
        self.worker = storable(end.worker)[:NAME_LENGTH]
        self.start_ms, self.finish_ms, self.ttl_ms = end.start_ms, end.finish_ms, end.ttl_ms

    def finish_by_itself(self, state: State, now_ms: int, ttl_ms: int, reason: str) -> None:
        """It ends without an attempt having ended it."""
        self.finish(End(state, self.tries, self.crashes, 0, now_ms, "", "", ttl_ms, reason))

    def _let_go(self) -> None:
        self.epoch, self.claim, self.worker, self.start_ms = "", 0, "", 0
