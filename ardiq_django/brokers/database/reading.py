"""Looking at jobs: one, a page, numbers."""

from collections.abc import Iterator, Sequence

from django.db.models import Count

from ardiq_django.brokers.database.tables import Tables
from ardiq_django.brokers.database.upkeep import late_end
from ardiq_django.models import Job
from ardiq_django.models.job_queryset import Literally
from ardiq_django.models.listing import READY, RUNNING
from ardiq_django.results import State
from ardiq_django.snapshot import (
    AHEAD_MOST,
    COUNTED_MOST,
    RUNS_SCANNED,
    SCANNED,
    Erred,
    Errors,
    Page,
    Query,
    Ran,
    Snapshot,
    Totals,
    Vitals,
)
from ardiq_django.states import WAITING, Verb, apply
from ardiq_django.stored import deliver
from ardiq_django.wire import Answer, End, News, StagedJob

ASKED_AT_ONCE = 500
READ_AT_ONCE = 50  # with their results, which may be large


def get(tables: Tables, job_id: str) -> Snapshot | None:
    """Everything known of one job."""
    job = tables.jobs.filter(job_id=job_id).first()
    return _View(tables, [job]).snapshot(job) if job else None


def get_many(tables: Tables, ids: Sequence[str]) -> dict[str, Snapshot]:
    """Those of these jobs that are known."""
    found: dict[str, Snapshot] = {}
    for part in _parts(ids, READ_AT_ONCE):
        jobs = list(tables.jobs.filter(job_id__in=part))
        view = _View(tables, jobs)
        found.update({job.job_id: view.snapshot(job) for job in jobs})
    return found


def ahead(tables: Tables, job: StagedJob) -> int | None:
    """How many jobs stand before a queued one in its lane; None where these are too many to count."""
    ready = tables.jobs.filter(Literally(READY), lane=job.lane)
    place = ready.filter(job_id=job.id).values_list("due_ms", "pk").first()
    if place is None:
        return None
    # the first condition bounds what is read of the index
    before = ready.filter(due_ms__lte=place[0]).exclude(due_ms=place[0], pk__gte=place[1])
    number = before.values("pk")[: AHEAD_MOST + 1].count()
    return number if number <= AHEAD_MOST else None


def last_runs(tables: Tables, task: str, limit: int) -> list[Ran]:
    """The last jobs of a task that an attempt ended, newest first."""
    return [
        Ran(job_id, State(state), start_ms, finish_ms)
        for job_id, state, start_ms, finish_ms in tables.table.last_runs(tables.queue, task, RUNS_SCANNED, limit)
    ]


def ends(tables: Tables, ids: Sequence[str]) -> dict[str, Snapshot]:
    """Those of these jobs that have ended; whether they have is told as cheaply as can be."""
    found: dict[str, Snapshot] = {}
    for part in _parts(ids, ASKED_AT_ONCE):
        states = list(tables.jobs.filter(job_id__in=part).values_list("job_id", "state", "expires_ms"))
        now = tables.now_ms if any(expires for _, _, expires in states) else 0
        over = [
            job_id
            for job_id, state, expires_ms in states
            if State(state).ended or (expires_ms and _is_late(State(state), expires_ms, now))
        ]
        for some in _parts(over, READ_AT_ONCE):
            jobs = list(tables.jobs.filter(job_id__in=some))
            view = _View(tables, jobs)
            found.update({job.job_id: view.snapshot(job) for job in jobs})
    return {job_id: snapshot for job_id, snapshot in found.items() if snapshot.state.ended}


def _parts(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for first in range(0, len(ids), size):
        yield ids[first : first + size]


def unfinished(tables: Tables, ids: Sequence[str]) -> set[str]:
    """Those of these jobs that are on their way."""
    if not ids:
        return set()
    now, rows = tables.now_ms, tables.jobs.filter(job_id__in=ids).values_list("job_id", "state", "expires_ms")
    return {
        job_id
        for job_id, state, expires_ms in rows
        if not State(state).ended and not (expires_ms and _is_late(State(state), expires_ms, now))
    }


def page(tables: Tables, query: Query) -> Page:
    """One page of a list."""
    listed = tables.table.listed(tables.queue, query)
    jobs = tables.table.in_bulk(listed.keys)
    view = _View(tables, list(jobs.values()))
    # a row may have gone between the two looks
    rows = [view.snapshot(jobs[key]) for key in listed.keys if key in jobs]
    total = listed.totals.number if query.wants_total else len(rows)
    return Page(rows, total, bool(listed.totals.capped), listed.totals.by_state)


def errors(tables: Tables, query: Query, depth: int) -> Errors:
    """Jobs with their last errors, without anything else of them."""
    rows, capped = tables.table.errors(tables.queue, query, depth)
    return Errors([Erred(row[0], row[1], State(row[2]), *row[3:]) for row in rows], capped)


def counts(tables: Tables) -> dict[State, int]:
    found = tables.table.by_state(tables.queue)
    return {state: found.get(state.value, 0) for state in State}


def vitals(tables: Tables) -> Vitals:
    """How the queue stands."""
    now, (found, oldest_ms, paused) = tables.seen_ms, tables.table.vitals(tables.queue, COUNTED_MOST)
    held = dict(tables.jobs.filter(Literally(RUNNING)).values_list("epoch").annotate(Count("pk")))
    waits_ms = None if oldest_ms is None else max(0, now - oldest_ms)
    return Vitals(found.by_state, paused, waits_ms, held)


def count(tables: Tables, query: Query) -> Totals:
    """How many jobs of a query are in each of its states."""
    return tables.table.totals(tables.queue, query, SCANNED if query.is_narrowed else COUNTED_MOST)


def size(tables: Tables) -> int:
    return sum(found for state, found in tables.table.live(tables.queue).items() if state in WAITING)


class _View:
    """Rows, with all that is needed to show them read at once."""

    def __init__(self, tables: Tables, jobs: Sequence[Job]) -> None:
        self._rules = tables.rules
        self._now_ms = tables.seen_ms
        self._histories = tables.histories([job.pk for job in jobs if job.has_history])
        running = {job.epoch for job in jobs if job.state == State.RUNNING}
        holders = tables.workers.filter(epoch__in=running) if running else ()
        self._news = {worker.epoch: worker.told for worker in holders}

    def snapshot(self, job: Job) -> Snapshot:
        state, end = State(job.state), self._end(job)
        news = News() if end else self._news.get(job.epoch, News())
        return Snapshot(
            job=deliver(job.job_id, bytes(job.envelope), 0).job,
            state=end.state if end else state,
            now_ms=self._now_ms,
            tries=job.tries,
            crashes=job.crashes,
            due_ms=job.due_ms,
            expires_ms=job.expires_ms if state in WAITING or state is State.EXPIRED else 0,
            worker=job.worker,
            start_ms=news.starts.get(job.job_id, job.start_ms),
            progress=news.progress.get(job.job_id, ()),
            end=end,
            attempts=tuple(self._histories.get(job.pk, ())),
        )

    def _end(self, job: Job) -> End | None:
        state = State(job.state)
        if job.expires_ms and _is_late(state, job.expires_ms, self._now_ms):
            return late_end(job, self._now_ms, self._rules.result_ttl_ms)
        if not state.ended:
            return None
        return End(
            state, job.tries, job.crashes, job.start_ms, job.finish_ms, job.worker,
            f"{job.epoch}.{job.claim}" if job.epoch else "", job.ttl_ms, job.reason,
            None if job.value is None else bytes(job.value), tuple(job.children.splitlines()), job.logs,
        )  # fmt: skip


def _is_late(state: State, expires_ms: int, now_ms: int) -> bool:
    return expires_ms <= now_ms and apply(Verb.EXPIRE, state)[0] is Answer.DONE
