"""The admin's job: a row or a page made from a broker's snapshot, never from a table."""

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.apart import ApartModel
from ardiq_django.dashboard.moments import moment
from ardiq_django.models.job import LABELS
from ardiq_django.results import State
from ardiq_django.snapshot import Erred, Snapshot


class Job(ApartModel):
    """One job as the admin lists it. The fields are what can be asked for; everything else stands in `snapshot`."""

    id = models.CharField(_("key"), primary_key=True, max_length=265)  # <queue>:<job id>
    queue = models.CharField(_("queue"), max_length=64)
    job_id = models.CharField(_("job id"), max_length=200)
    task = models.CharField(_("task"), max_length=255)
    state = models.CharField(_("state"), max_length=10, choices=[(state.value, LABELS[state]) for state in State])
    error = models.CharField(_("error"), max_length=255)
    when = models.DateTimeField(_("when"))

    snapshot: ClassVar[Snapshot]

    class Meta(ApartModel.Meta):
        verbose_name = _("job")
        verbose_name_plural = _("jobs")

    def __str__(self) -> str:
        return f"{self.task} {short(self.job_id)}".strip()

    @classmethod
    def of(cls, queue: str, snapshot: Snapshot) -> "Job":
        """The row that shows a snapshot."""
        known = snapshot.job
        job = cls(
            id=f"{queue}:{known.id}",
            queue=queue,
            job_id=known.id,
            task=known.task,
            state=snapshot.state,
            error=Erred.of(snapshot).error,
            when=moment(shown_ms(snapshot)),
        )
        return job.shown(snapshot=snapshot)


def shown_ms(snapshot: Snapshot) -> int:
    """The time by which lists are ordered: end, start or due time."""
    if snapshot.end:
        return snapshot.end.finish_ms
    if snapshot.state is State.RUNNING:
        return snapshot.start_ms
    return snapshot.expires_ms if snapshot.state is State.EXPIRED else snapshot.due_ms


def short(job_id: str) -> str:
    """An id as it is recognised: of our own ids the part that differs between neighbours, of others their beginning."""
    if len(job_id) == 32 and job_id.isalnum():
        return f"…{job_id[8:20]}"
    return job_id if len(job_id) <= 24 else f"{job_id[:23]}…"
