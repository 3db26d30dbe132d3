"""Taking jobs in: enqueue, and what schedules stage."""

from collections import Counter
from collections.abc import Sequence

from ardiq_django.brokers.database.reading import unfinished
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.brokers.database.upkeep import lapse
from ardiq_django.exceptions import BrokerError
from ardiq_django.models import Job
from ardiq_django.models.job_queryset import intake
from ardiq_django.results import ENDED, State
from ardiq_django.stored import deliver
from ardiq_django.wire import Acceptance, Occurrence, StagedJob

AT_ONCE = 1_000
LOOKS = 100


def enqueue(tables: Tables, jobs: Sequence[StagedJob]) -> list[Acceptance]:
    """Store jobs in the caller's transaction, if there is one: then they exist when, and only if, it commits."""
    answers: list[Acceptance] = []
    for start in range(0, len(jobs), AT_ONCE):
        answers += _accept_chunk(tables, jobs[start : start + AT_ONCE])
    tables.ring_here(tables.bells.work)  # the statement that stores them tells other processes
    return answers


def _accept_chunk(tables: Tables, jobs: Sequence[StagedJob]) -> list[Acceptance]:
    if len(jobs) == 1 and not tables.rules.max_queue:  # one statement is atomic by itself
        return accept(tables, jobs)
    with tables.atomic():
        return _refused(tables, jobs) or accept(tables, jobs)


def _refused(tables: Tables, jobs: Sequence[StagedJob]) -> list[Acceptance]:
    """The answers of jobs that do not fit into a queue with a limit; none if they do.

    What waits is counted no further than the limit, in the indexes of what waits. Whose window is over keeps no place;
    but that stands in no such index, so it is asked only where the queue seems to be full."""
    limit = tables.rules.max_queue
    if not limit:
        return []
    tables.table.begin_writing()
    if tables.table.count_waiting(tables.queue, limit + 1) + len(jobs) <= limit:
        return []
    known = {job.job_id: job for job in tables.jobs.filter(job_id__in=[job.id for job in jobs]).defer("value")}
    met = [_met(tables, known.get(job.id), job) for job in jobs]
    new = {job.id for job, answer in zip(jobs, met, strict=True) if answer is Acceptance.CREATED}
    if not new or tables.table.count_waiting(tables.queue, limit + 1, tables.now_ms) + len(new) <= limit:
        return []
    return [Acceptance.FULL if answer is Acceptance.CREATED else answer for answer in met]


def _met(tables: Tables, known: Job | None, job: StagedJob) -> Acceptance:
    if known is not None and known.expires_ms and _lapse(tables, job.id):
        known = tables.jobs.filter(pk=known.pk).defer("value").first()
    return _judge(tables, known, job) if known else Acceptance.CREATED


def accept(tables: Tables, jobs: Sequence[StagedJob]) -> list[Acceptance]:
    """Store what is new in one statement, then look at each id that was known."""
    created = Counter(tables.table.stage(tables.queue, jobs, tables.skew_ms))
    answers = []
    for job in jobs:
        if created[job.id]:
            created[job.id] -= 1
            answers.append(Acceptance.CREATED)
        else:
            answers.append(_meet(tables, job))
    return answers


def _meet(tables: Tables, job: StagedJob) -> Acceptance:
    """What an id that is known means for this job. The other row may be moving: then look again."""
    for _ in range(LOOKS):
        known = tables.jobs.filter(job_id=job.id).defer("value").first()
        if known is None:
            if tables.table.stage(tables.queue, [job], tables.skew_ms):
                return Acceptance.CREATED
            continue
        if known.expires_ms and _lapse(tables, job.id):
            continue
        answer = _judge(tables, known, job)
        if answer is not Acceptance.CREATED or _replace(tables, known, job):
            return answer
    raise BrokerError(f"job id {job.id!r} is taken by a row that this transaction cannot see", job.id)


def _lapse(tables: Tables, job_id: str) -> bool:
    with tables.atomic():
        row = tables.locked([job_id]).get(job_id)
        has_lapsed = row is not None and lapse(tables, row)
        tables.table.rewrite([row] if row and has_lapsed else [])
    return has_lapsed


def _judge(tables: Tables, known: Job, job: StagedJob) -> Acceptance:
    stored = deliver(known.job_id, bytes(known.envelope), 0).job
    if stored.identity == job.identity:
        return Acceptance.EXISTING
    if State(known.state) not in ENDED or _is_unique(tables, known):
        same = job.digest and stored.digest == job.digest
        return Acceptance.EXISTING if same else Acceptance.CONFLICT
    return Acceptance.CREATED if job.replaces else Acceptance.CONFLICT


def _is_unique(tables: Tables, ended: Job) -> bool:
    """Whether the id belongs to a job although that has ended."""
    return bool(ended.unique_for_ms) and tables.now_ms < ended.finish_ms + ended.unique_for_ms


def _replace(tables: Tables, known: Job, job: StagedJob) -> bool:
    """Let a new run take the place of an old record, whose attempts stay; False if that has changed meanwhile."""
    _, _, envelope, task, lane, state, due, expires, enqueued, unique_for = intake(job).row(tables.queue, tables.now_ms)
    same = tables.jobs.filter(pk=known.pk, state=known.state, finish_ms=known.finish_ms, claim=known.claim)
    changed = same.update(
        envelope=envelope, task=task, lane=lane, state=state, due_ms=due, expires_ms=expires, enqueued_ms=enqueued,
        tries=0, crashes=0, requeues=0, epoch="", claim=0, worker="", start_ms=0, finish_ms=0, ttl_ms=0,
        reason="", value=None, children="", logs="", abort_asked=False, unique_for_ms=unique_for,
    )  # fmt: skip
    return bool(changed)


def watermarks(tables: Tables, schedules: Sequence[str]) -> dict[str, int]:
    with tables.atomic():
        return tables.schedules.marks(tables.queue, schedules, tables.now_ms)


def stage(tables: Tables, occurrences: Sequence[Occurrence]) -> list[bool]:
    """Enqueue each occurrence whose schedule's watermark it moves forward, in the same transaction."""
    staged = [False] * len(occurrences)
    with tables.atomic():
        # sorted, so that two hosts that stage the same schedules never wait for each other in a circle
        for place, occurrence in sorted(enumerate(occurrences), key=lambda one: (one[1].schedule, one[1].fire_ms)):
            if tables.schedules.advance(tables.queue, occurrence.schedule, occurrence.fire_ms):
                staged[place] = _stage(tables, occurrence)
        tables.ring("work")
    return staged


def _stage(tables: Tables, occurrence: Occurrence) -> bool:
    schedules, name = tables.schedules, occurrence.schedule
    if schedules.is_off(tables.queue, name):
        return False
    if occurrence.coalesce and unfinished(tables, [schedules.last_job(tables.queue, name)]):
        return False
    schedules.staged(tables.queue, name, occurrence.job.id)
    return accept(tables, [occurrence.job]) == [Acceptance.CREATED]
