"""What handles and the admin ask for: abort, replay, reschedule, amend, delete, pause, clear; by the state table."""

from collections.abc import Callable, Sequence

from ardiq_django.brokers.database.tables import Tables
from ardiq_django.brokers.database.upkeep import lapse
from ardiq_django.models import Job
from ardiq_django.models.job_queryset import JobQuerySet
from ardiq_django.results import State
from ardiq_django.states import Verb, apply
from ardiq_django.stored import amended
from ardiq_django.wire import Amendment, Answer, Command, Order

CLEARED_AT_ONCE = 1_000


def abort(tables: Tables, ids: Sequence[str]) -> list[Answer]:
    """End waiting jobs; write the wish down for running ones, and tell their workers."""
    told: list[Job] = []

    def move(job: Job, state: State) -> None:
        if state is State.RUNNING:
            job.abort_asked = True
            told.append(job)
        else:
            job.finish_by_itself(state, tables.now_ms, tables.rules.result_ttl_ms, "aborted before it started")

    with tables.atomic():
        # workers before jobs, as every turn locks them
        epochs = set(tables.jobs.filter(job_id__in=ids, state=State.RUNNING).values_list("epoch", flat=True))
        workers = {row.epoch: row for row in tables.workers.filter(epoch__in=epochs).order_by("pk").select_for_update()}
        answers = _move(tables, Verb.ABORT, ids, move)
        for job in told:
            if worker := workers.get(job.epoch):
                worker.post(Command(Order.ABORT, job.job_id, job.claim))
                worker.save(using=tables.alias, update_fields=["mail"])
        tables.ring("post")
        tables.ring_here(tables.bells.ends)
    return answers


def replay(tables: Tables, ids: Sequence[str]) -> list[Answer]:
    """Queue ended jobs again with a fresh budget."""

    def move(job: Job, state: State) -> None:
        job.tries = job.crashes = job.requeues = 0
        job.wait(state, tables.now_ms)
        job.expires_ms = 0

    with tables.atomic():
        answers = _move(tables, Verb.REPLAY, ids, move)
        tables.ring("work")
    return answers


def reschedule(tables: Tables, ids: Sequence[str], due_ms: int) -> list[Answer]:
    """Let waiting jobs become due at another time."""
    with tables.atomic():
        due = max(due_ms, tables.now_ms)  # else one that is late would overtake those that stand in its lane
        answers = _move(tables, Verb.RESCHEDULE, ids, lambda job, state: job.wait(state, due))
        tables.ring("work")
    return answers


def amend(tables: Tables, changes: Sequence[Amendment]) -> list[Answer]:
    """Give waiting jobs another call or lane, if they are still as they were read."""
    waiting: dict[str, Job] = {}

    def move(job: Job, state: State) -> None:
        waiting[job.job_id] = job

    with tables.atomic():
        answers = _move(tables, Verb.AMEND, [change.was.id for change in changes], move)
        for place, change in enumerate(changes):
            if job := waiting.get(change.was.id):
                answers[place] = _amend(tables, job, change)
        tables.ring("work")
    return answers


def _amend(tables: Tables, job: Job, change: Amendment) -> Answer:
    answer, job.envelope = amended(bytes(job.envelope), change)
    if answer is Answer.DONE:  # its due time stays, by which it stands in any lane
        tables.table.filter(pk=job.pk).update(envelope=job.envelope, lane=change.lane)
    return answer


def delete(tables: Tables, ids: Sequence[str]) -> list[Answer]:
    """Remove jobs that do not run."""
    gone: list[int] = []
    with tables.atomic():
        rows = tables.locked(ids)
        answers = []
        for job_id in ids:
            job = rows.get(job_id)
            answer, _ = apply(Verb.DELETE, State(job.state) if job else None)
            if job and answer is Answer.DONE:
                gone.append(rows.pop(job_id).pk)
            answers.append(answer)
        tables.table.purge(gone)
    return answers


def _move(tables: Tables, verb: Verb, ids: Sequence[str], move: Callable[[Job, State], None]) -> list[Answer]:
    rows, moved, answers = tables.locked(ids), dict[int, Job](), []
    for job_id in ids:
        job = rows.get(job_id)
        if job and lapse(tables, job):
            moved[job.pk] = job
        answer, state = apply(verb, State(job.state) if job else None)
        if job and state and answer is Answer.DONE:
            move(job, state)
            moved[job.pk] = job
        answers.append(answer)
    tables.table.rewrite(moved.values())
    return answers


def set_paused(tables: Tables, paused: bool) -> None:
    with tables.atomic():
        tables.queues.set_paused(tables.queue, paused)
        tables.ring("work")


def is_paused(tables: Tables) -> bool:
    return tables.queues.filter(name=tables.queue, paused=True).exists()


def clear(tables: Tables) -> int:
    """Remove what waits, a thousand at a time; what comes meanwhile may stay."""
    last = tables.table.order_by("-pk").values_list("pk", flat=True).first()
    if last is None:
        return 0
    return sum(_clear(tables, rows.filter(pk__lte=last)) for rows in tables.jobs.waiting())


def _clear(tables: Tables, rows: JobQuerySet) -> int:
    removed = 0
    while True:
        with tables.atomic():
            keys = list(rows.select_for_update().values_list("pk", flat=True)[:CLEARED_AT_ONCE])
            removed += tables.table.purge(keys)
        if len(keys) < CLEARED_AT_ONCE:
            return removed
