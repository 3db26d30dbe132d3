"""The workers' table: one row from registration until the worker leaves or is reaped."""

import time
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigIntegerField, Func
from django.db.models.sql.compiler import SQLCompiler
from django.utils.translation import gettext_lazy as _

from ardiq_django.models.dialects import Dialect, dialect
from ardiq_django.models.rows import Row
from ardiq_django.snapshot import WorkerRow
from ardiq_django.wire import Command, News, WorkerCard, pack

unpack_mail = msgspec.msgpack.Decoder(list[Command]).decode
unpack_news = msgspec.msgpack.Decoder(News).decode
QUEUE_STATE = """{clock}, COALESCE(q.paused, FALSE), w.draining,
  EXISTS (SELECT 1 FROM ardiq_job WHERE queue = %s AND state = 'queued' AND crashes > 0),
  {first_due}"""
LOOK = """SELECT {state},
  {first_expiry},
  w.call_no, w.answers, w.worker_id
FROM ardiq_worker w LEFT JOIN ardiq_queue q ON q.name = w.queue WHERE w.epoch = %s {lock}"""
PEEK = """SELECT {state},
  EXISTS (SELECT 1 FROM ardiq_job WHERE queue = %s AND state = 'queued' AND crashes = 0),
  EXISTS (SELECT 1 FROM ardiq_job WHERE queue = %s AND epoch = %s AND state = 'running')
FROM (SELECT 1 AS one) AS here LEFT JOIN ardiq_queue q ON q.name = %s LEFT JOIN ardiq_worker w ON w.epoch = %s"""


class NowMs(Func):
    """The database's clock, in expressions. SQLite has none of its own: there it is this host's, which is the same."""

    output_field = BigIntegerField()

    def as_sql(  # type: ignore[override]
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_: Any
    ) -> tuple[str, list[int]]:
        clock = dialect(connection).clock
        return (clock, []) if clock else ("%s", [time.time_ns() // 1_000_000])


@cache
def _told(sql: str, clock: str, first_due: str, first_expiry: str, lock: str) -> tuple[str, int]:
    """A statement in a database's own words, and how many parameters it takes."""
    state = QUEUE_STATE.format(clock=clock or "%s", first_due=first_due)
    told = sql.format(state=state, first_expiry=first_expiry, lock=lock)
    return told, told.count("%s")


@dataclass(frozen=True, slots=True)
class QueueState:
    """How a queue stands."""

    now_ms: int
    paused: bool
    draining: bool | None  # the worker is chosen for suspects, and has yet to finish what it holds, or has begun
    suspects: bool
    due_ms: int | None  # when the next scheduled job is due

    @property
    def is_chosen(self) -> bool:
        return self.draining is not None


@dataclass(frozen=True, slots=True)
class Look(QueueState):
    """What a worker sees when its turn begins."""

    expires_ms: int | None  # when the next window is over
    call: int  # its own last call
    answers: str
    worker_id: str


@dataclass(frozen=True, slots=True)
class Peek(QueueState):
    """What a worker that waits for work sees."""

    ready: bool  # jobs stand in a lane
    holds: bool  # it runs something itself


class WorkerQuerySet(models.QuerySet["Worker"]):
    """The verbs of the workers' table."""

    def look(self, queue: str, epoch: str, skew_ms: int) -> Look | None:
        """What this worker sees, its row locked until the transaction ends; None if it is not registered."""
        rows = self._seen(LOOK, queue, epoch) if self._dialect.hold(epoch) else []
        return Look(rows[0][0] + skew_ms, *rows[0][1:]) if rows else None

    def peek(self, queue: str, epoch: str, skew_ms: int) -> Peek:
        """Whether there is something for this worker, as cheaply as it can be told; nothing is locked."""
        ((now, *rest),) = self._seen(PEEK, queue, epoch, queue, epoch)
        return Peek(now + skew_ms, *rest)

    def _seen(self, sql: str, queue: str, *last: str) -> list[Row]:
        talk = self._dialect
        here = () if talk.clock else (talk.now_ms(),)
        told, places = _told(sql, talk.clock, talk.first_due, talk.first_expiry, talk.lock)
        return talk.rows(told, (*here, *[queue] * (places - len(here) - len(last)), *last))

    def remember(self, epoch: str, call: int, answers: str, lease_end_ms: int) -> None:
        """Keep what was answered, and renew the lease."""
        self._dialect.changed(
            "UPDATE ardiq_worker SET call_no = %s, answers = %s, lease_end_ms = %s WHERE epoch = %s",
            (call, answers, lease_end_ms, epoch),
        )

    def parts(self, queue: str, epoch: str) -> "Counter[bool | None]":
        """How many of the other workers drain (True) or clear (False) for suspects, or are not chosen (None)."""
        return Counter(self.filter(queue=queue).exclude(epoch=epoch).values_list("draining", flat=True))

    def choose(self, epoch: str, draining: bool | None) -> None:
        """Note the part of a worker in the clearing of suspects, None if it has none; its row is locked."""
        self.filter(epoch=epoch).update(draining=draining)

    def renew(self, epoch: str, lease_ms: int, news: News | None = None) -> bool:
        """Renew a lease from now and store the news, if any; False if there is no such worker."""
        told = {} if news is None else {"news": pack(news)}
        return bool(self.filter(epoch=epoch).update(lease_end_ms=NowMs() + lease_ms, **told))

    def has_reported(self, epoch: str, number: int) -> bool:
        """Keep the number of a report; False if it is known already, or the worker is not."""
        return bool(self.filter(epoch=epoch, reported__lt=number).update(reported=number))

    def overdue(self, now_ms: int) -> "WorkerQuerySet":
        """Whose lease is over, for update; those that someone else is at are left to them."""
        return self.filter(lease_end_ms__lte=now_ms).order_by("pk").select_for_update(skip_locked=True)

    def among(self, epochs: Collection[str]) -> "WorkerQuerySet":
        """These, for update."""
        return self.filter(epoch__in=epochs).order_by("pk").select_for_update()

    @property
    def _dialect(self) -> Dialect:
        return dialect(connections[self.db])


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
    reported = models.BigIntegerField(_("last report"), default=0, db_default=0)  # of figures
    # for suspects: NULL unless it is chosen, and false once it has begun
    draining = models.BooleanField(_("finishes other jobs first"), null=True)
    mail = models.BinaryField(_("commands"), default=b"")  # packed commands that wait to be heard

    objects = WorkerQuerySet.as_manager()

    class Meta:
        db_table = "ardiq_worker"
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        default_permissions = ("view",)
        permissions = (("stop_worker", _("Can quiet and stop workers")),)

    def __str__(self) -> str:
        return self.worker_id

    @property
    def card(self) -> WorkerCard:
        """Who it is."""
        return WorkerCard(self.epoch, self.worker_id, self.host, self.pid, self.concurrency, self.started_ms)

    @property
    def told(self) -> News:
        """What its last beat told; nothing where somebody spoilt it."""
        try:
            return unpack_news(self.news) if self.news else News()
        except (ValueError, RecursionError, ArithmeticError):
            return News()

    def row(self, now_ms: int) -> WorkerRow:
        """The worker as the admin shows it."""
        return WorkerRow(self.card, self.lease_end_ms, now_ms, self.told)

    def post(self, command: Command) -> None:
        """Put a command into its mail; the row is locked, and saved by the caller."""
        self.mail = pack([*self.letters, command])

    @property
    def letters(self) -> list[Command]:
        """The commands it has not heard yet; none where somebody spoilt them."""
        try:
            return unpack_mail(self.mail) if self.mail else []
        except (ValueError, RecursionError, ArithmeticError):
            return []
