"""The tables of one queue, as seen from the calling thread, its connection and its transaction."""

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache, cached_property
from typing import NamedTuple

from django.db import connections, transaction

from ardiq_django import results
from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.bell import Bell
from ardiq_django.brokers.clearing import Clearing
from ardiq_django.models import Attempt, Job, Queue, Schedule, Stat, Worker
from ardiq_django.models.dialects import dialect
from ardiq_django.models.job_queryset import JobQuerySet
from ardiq_django.models.queue import QueueQuerySet
from ardiq_django.models.schedule import ScheduleQuerySet
from ardiq_django.models.stat import StatQuerySet
from ardiq_django.models.worker import WorkerQuerySet

ABORTED_RUNNING = "aborted while it ran"
ASKED_EVERY_S = 10.0


class Bells(NamedTuple):
    """What wakes those of this process who wait: for work, for a command, for the end of a job. The first two are heard
    in other processes, too, where the database carries that."""

    work: Bell
    post: Bell
    ends: Bell


@cache
def bells_of(alias: str, queue: str) -> Bells:
    """The bells that all brokers of this process share for one queue."""
    return Bells(Bell(), Bell(), Bell())


def rung_elsewhere(alias: str, notice: str) -> None:
    """Ring the bell that a notice of another process names; see `Dialect.notify`."""
    queue, _, name = notice.rpartition(" ")
    bell = getattr(bells_of(alias, queue), name, None)
    if isinstance(bell, Bell):
        bell.ring()


class Tables:
    """Where one queue lives. It holds no connection: each use takes that of its thread."""

    def __init__(self, alias: str, rules: QueueRules) -> None:
        self.alias = alias
        self.rules = rules
        self.queue = rules.queue
        self.bells = bells_of(alias, rules.queue)
        self.skew_ms = 0
        self._told = 0, -ASKED_EVERY_S

    @property
    def now_ms(self) -> int:
        """The database's time."""
        return dialect(connections[self.alias]).now_ms() + self.skew_ms

    @property
    def seen_ms(self) -> int:
        """The same, for who only looks: as it was told not long ago, and has gone on since."""
        (told_ms, at_s), now_s = self._told, time.monotonic()
        if now_s - at_s >= ASKED_EVERY_S:
            self._told = told_ms, at_s = dialect(connections[self.alias]).now_ms(), now_s
        return told_ms + round((now_s - at_s) * 1000) + self.skew_ms

    @cached_property
    def table(self) -> JobQuerySet:
        """The jobs' table as a whole, for the verbs that name the queue themselves."""
        return Job.objects.using(self.alias)

    @property
    def jobs(self) -> JobQuerySet:
        """The jobs of this queue."""
        return self.table.filter(queue=self.queue)

    @cached_property
    def workers(self) -> WorkerQuerySet:
        return Worker.objects.using(self.alias)

    @cached_property
    def queues(self) -> QueueQuerySet:
        return Queue.objects.using(self.alias)

    @cached_property
    def schedules(self) -> ScheduleQuerySet:
        return Schedule.objects.using(self.alias)

    @cached_property
    def stats(self) -> StatQuerySet:
        return Stat.objects.using(self.alias)

    def atomic(self) -> AbstractContextManager[None]:
        """One transaction, or a savepoint inside the caller's."""
        return transaction.atomic(using=self.alias)

    def ring(self, name: str) -> None:
        """Wake the waiting, of other processes too if the database can, once what was written here can be seen."""
        dialect(connections[self.alias]).notify(f"{self.queue} {name}")
        self.ring_here(getattr(self.bells, name))

    def ring_here(self, bell: Bell) -> None:
        """Wake the waiting of this process once what was written here can be seen."""
        if connections[self.alias].in_atomic_block:
            transaction.on_commit(bell.ring, using=self.alias)
        else:
            bell.ring()

    def clearing(self, epoch: str) -> Clearing:
        """How the clearing of suspects stands, as this worker sees it."""
        parts = self.workers.parts(self.queue, epoch)
        return Clearing(1 + parts.total(), parts[False], parts[True], self.jobs.suspects())

    def locked(self, ids: Sequence[str]) -> dict[str, Job]:
        """The rows of these jobs, for update, by id."""
        return {job.job_id: job for job in self.jobs.filter(job_id__in=ids).locked()}

    def histories(self, keys: Sequence[int]) -> Mapping[int, list[results.Attempt]]:
        """The attempts of these rows, in order."""
        found: dict[int, list[results.Attempt]] = {key: [] for key in keys}
        if keys:
            for row in Attempt.objects.using(self.alias).filter(job_id__in=keys).order_by("pk"):
                found[row.job_id].append(row.result)
        return found

    def record(self, attempts: Sequence[Attempt]) -> None:
        """Store attempts that did not succeed; their jobs are rewritten by the caller."""
        if attempts:
            Attempt.objects.using(self.alias).bulk_create(attempts)
