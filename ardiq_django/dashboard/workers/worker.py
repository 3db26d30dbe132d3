"""The admin's worker: one registration of a process in one queue."""

from enum import StrEnum

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from ardiq_django.dashboard.apart import ApartModel
from ardiq_django.snapshot import WorkerRow


class Mood(StrEnum):
    """What a worker is at."""

    WORKING = "working"
    IDLE = "idle"
    QUIET = "quiet"  # claims nothing more, and stays
    STOPPING = "stopping"
    LOST = "lost"  # its lease is over


LABELS = {
    Mood.WORKING: _("Working"),
    Mood.IDLE: _("Idle"),
    Mood.QUIET: pgettext_lazy("a worker", "Quiet"),
    Mood.STOPPING: _("Stopping"),
    Mood.LOST: _("Lost"),
}


class Worker(ApartModel):
    """The fields are what a list is sorted and searched by; the rest stands in `row`."""

    id = models.CharField(_("key"), primary_key=True, max_length=130)  # <queue>:<epoch>
    name = models.CharField(_("worker"), max_length=255)
    host = models.CharField(_("host"), max_length=255)
    pid = models.BigIntegerField(_("process id"))
    queue = models.CharField(_("queue"), max_length=64)
    mood = models.CharField(_("state"), max_length=10, choices=list(LABELS.items()))
    running = models.IntegerField(_("slots used"))
    rss_bytes = models.BigIntegerField(_("memory"))
    started_ms = models.BigIntegerField(_("up"))

    row: WorkerRow

    class Meta(ApartModel.Meta):
        verbose_name = _("worker")
        verbose_name_plural = _("workers")

    def __str__(self) -> str:
        return f"{self.name} ({self.queue})"

    @classmethod
    def of(cls, queue: str, row: WorkerRow) -> "Worker":
        """The row of a registered worker."""
        card, news = row.card, row.news
        worker = cls(
            id=f"{queue}:{card.epoch}",
            name=card.worker_id,
            host=card.host,
            pid=card.pid,
            queue=queue,
            mood=mood_of(row),
            running=len(news.starts),
            rss_bytes=news.rss_bytes,
            started_ms=card.started_ms,
        )
        return worker.shown(row=row)

    @property
    def is_alive(self) -> bool:
        return self.row.lease_end_ms > self.row.now_ms


def mood_of(row: WorkerRow) -> Mood:
    """By its lease, then by what it tells of itself."""
    if row.lease_end_ms <= row.now_ms:
        return Mood.LOST
    if row.news.mood in (Mood.QUIET, Mood.STOPPING):
        return Mood(row.news.mood)
    return Mood.WORKING if row.news.starts else Mood.IDLE
