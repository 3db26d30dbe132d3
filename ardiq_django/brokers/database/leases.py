"""Workers and their leases: register, beat, leave, be told, be reaped."""

from collections.abc import Collection, Mapping

from ardiq_django import results
from ardiq_django.brokers.database.tables import ABORTED_RUNNING, Tables
from ardiq_django.exceptions import LeaseLost
from ardiq_django.models import Attempt, Job, Worker
from ardiq_django.models.job import storable
from ardiq_django.models.job_queryset import NAME_LENGTH
from ardiq_django.results import State
from ardiq_django.snapshot import WorkerRow
from ardiq_django.stored import Tally, deliver
from ardiq_django.wire import Beat, Command, Delivery, News, WorkerCard

LOST = "the worker died or was cut off longer than its lease"


def register(tables: Tables, card: WorkerCard) -> None:
    """Begin an epoch; one that has begun goes on as it is."""
    fields = {
        "queue": tables.queue,
        "worker_id": storable(card.worker_id)[:NAME_LENGTH],
        "host": storable(card.host)[:NAME_LENGTH],
        "pid": card.pid,
        "concurrency": card.concurrency,
        "started_ms": card.started_ms,
        "lease_end_ms": tables.now_ms + tables.rules.lease_ms,
    }
    tables.workers.get_or_create(epoch=card.epoch, defaults=fields)


def leave(tables: Tables, epoch: str) -> None:
    """End an epoch and hand back what it holds, with nothing spent."""
    with tables.atomic():
        list(tables.workers.filter(epoch=epoch).select_for_update())  # before the jobs, as every turn does
        held = list(tables.jobs.held_by(epoch).locked())
        for job in held:
            if job.abort_asked:
                job.finish_by_itself(State.ABORTED, tables.now_ms, tables.rules.result_ttl_ms, ABORTED_RUNNING)
            else:
                job.wait(State.QUEUED, job.due_ms)
        tables.table.rewrite(held)
        tables.workers.filter(epoch=epoch).delete()
        tables.ring("work")
        tables.ring_here(tables.bells.ends)


def beat(tables: Tables, epoch: str, call: int, held: Mapping[str, int], news: News) -> Beat:
    """Renew a lease, and compare what the worker believes to hold with what is written."""
    with tables.atomic():
        if not tables.workers.renew(epoch, tables.skew_ms + tables.rules.lease_ms, news):
            raise LeaseLost(f"worker epoch {epoch} is not registered, or was reaped")
        columns = tables.jobs.held_by(epoch).values_list("job_id", "claim", "abort_asked", "pk")
        mine = {job_id: (claim, asked, key) for job_id, claim, asked, key in columns}
        lost = [job_id for job_id, claim in held.items() if job_id not in mine or mine[job_id][0] != claim]
        aborts = [job_id for job_id, (_, asked, _) in mine.items() if asked]
        strange = [key for job_id, (claim, _, key) in mine.items() if claim <= call and held.get(job_id) != claim]
        return Beat(lost, aborts, _deliveries(tables, strange))


def renew(tables: Tables, epoch: str) -> None:
    """Renew a lease, and nothing else."""
    if not tables.workers.renew(epoch, tables.skew_ms + tables.rules.lease_ms):
        raise LeaseLost(f"worker epoch {epoch} is not registered, or was reaped")


def _deliveries(tables: Tables, keys: list[int]) -> list[Delivery]:
    if not keys:
        return []
    jobs = list(tables.table.filter(pk__in=keys).defer("value"))
    histories = tables.histories([job.pk for job in jobs if job.has_history])
    return [
        deliver(
            job.job_id, bytes(job.envelope), job.claim,
            Tally(job.tries, job.crashes, job.requeues, histories.get(job.pk, ())),
        )
        for job in jobs
    ]  # fmt: skip


def tell(tables: Tables, epoch: str, command: Command) -> bool:
    """Put a command into a worker's mail."""
    with tables.atomic():
        worker = tables.workers.filter(epoch=epoch).select_for_update().first()
        if worker is None:
            return False
        worker.post(command)
        worker.save(using=tables.alias, update_fields=["mail"])
        tables.ring("post")
    return True


def mail(tables: Tables, epoch: str) -> list[Command] | None:
    """Take what a worker was told; None if nothing, and if there is no such worker, who is told nothing either."""
    if not tables.workers.filter(epoch=epoch).values_list("mail", flat=True).first():
        return None
    with tables.atomic():
        worker = tables.workers.filter(epoch=epoch).select_for_update().first()
        if worker is None:
            return None
        letters, worker.mail = worker.letters, b""
        worker.save(using=tables.alias, update_fields=["mail"])
    return letters


def reap(tables: Tables, dead: Collection[str]) -> int:
    """Take back what these workers hold, or if none are named, all whose lease is over."""
    with tables.atomic():
        now = tables.now_ms
        workers = tables.workers.filter(queue=tables.queue)
        lost = list(workers.among(dead) if dead else workers.overdue(now))
        # an atomic task may be frozen between its last statement and the commit: it is left to another look, for else
        # nothing would be taken back until its connection ends. That of a process which is dead ends at once.
        taken = sum(_bury(tables, worker, now, skip_locked=not dead) for worker in lost)
        gone = [worker.pk for worker in lost if not tables.jobs.held_by(worker.epoch).exists()]
        tables.workers.filter(pk__in=gone).delete()
        if lost:
            tables.ring("work")
            tables.ring_here(tables.bells.ends)
    return taken


def _bury(tables: Tables, worker: Worker, now_ms: int, *, skip_locked: bool) -> int:
    jobs = list(tables.jobs.held_by(worker.epoch).locked(skip_locked=skip_locked))
    starts = worker.told.starts
    tables.record([Attempt.of(job, _crash(job, worker, starts.get(job.job_id, job.start_ms), now_ms)) for job in jobs])
    for job in jobs:
        _take_back(tables, job, now_ms)
    tables.table.rewrite(jobs)
    return len(jobs)


def _crash(job: Job, worker: Worker, start_ms: int, now_ms: int) -> results.Attempt:
    return results.Attempt(job.tries + 1, "crashed", start_ms, now_ms, worker.worker_id, "WorkerLost", LOST)


def _take_back(tables: Tables, job: Job, now_ms: int) -> None:
    job.crashes += 1
    job.has_history = True
    ttl = tables.rules.result_ttl_ms
    if job.abort_asked:
        job.finish_by_itself(State.ABORTED, now_ms, ttl, ABORTED_RUNNING)
    elif job.crashes < tables.rules.max_crashes:
        job.wait(State.QUEUED, job.due_ms)
    else:
        job.finish_by_itself(State.FAILED, now_ms, ttl, f"its worker was lost {job.crashes} times while it ran")


def workers(tables: Tables) -> list[WorkerRow]:
    """The registered workers."""
    now = tables.seen_ms
    return [worker.row(now) for worker in tables.workers.filter(queue=tables.queue).order_by("pk")]
