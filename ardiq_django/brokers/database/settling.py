"""What outcomes write: successes all at once, any other by the state table, row by row."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, TextField, Value, When

from ardiq_django import results
from ardiq_django.brokers.database.tables import ABORTED_RUNNING, Tables
from ardiq_django.models import Attempt, Job
from ardiq_django.models.job import lines_of, storable
from ardiq_django.models.job_queryset import NAME_LENGTH
from ardiq_django.models.rows import Hand
from ardiq_django.results import State
from ardiq_django.states import apply, verb_of
from ardiq_django.wire import (
    Aborted,
    Answer,
    Exchange,
    Failed,
    Outcome,
    Requeued,
    Retrying,
    Succeeded,
    end_of,
)


@dataclass(frozen=True, slots=True)
class Settled:
    """One answer for each outcome, in order, and when the first of the postponed jobs is due."""

    answers: Sequence[Answer]
    due_ms: int | None


def settle(tables: Tables, turn: Exchange, now_ms: int) -> Settled:
    """Write the outcomes of what this worker still holds."""
    if not turn.outcomes:
        return Settled((), None)
    successes = [outcome for outcome in turn.outcomes if isinstance(outcome, Succeeded)]
    if len(successes) == len(turn.outcomes):
        settled = Settled(_succeed(tables, turn, successes), None)
    else:
        settled = _settle_mixed(tables, turn, successes, now_ms)
    tables.ring_here(tables.bells.ends)
    return settled


def _settle_mixed(tables: Tables, turn: Exchange, successes: Sequence[Succeeded], now_ms: int) -> Settled:
    succeeded = iter(_succeed(tables, turn, successes))
    others = _Others(tables, turn, now_ms)
    answers = [next(succeeded) if isinstance(one, Succeeded) else others.settle(one) for one in turn.outcomes]
    others.write()
    return Settled(answers, others.due_ms)


def complete(tables: Tables, epoch: str, worker_id: str, outcome: Succeeded) -> bool:
    """Write one success in the caller's transaction, whose effects it ends; False if this epoch does not hold it."""
    done = tables.table.succeed(Hand(tables.queue, epoch, 0, storable(worker_id)[:NAME_LENGTH], 0), [outcome])
    _keep_told(tables, [outcome], done)
    tables.ring_here(tables.bells.ends)
    return bool(done)


def _succeed(tables: Tables, turn: Exchange, outcomes: Sequence[Succeeded]) -> list[Answer]:
    if not outcomes:
        return []
    done = tables.table.succeed(
        Hand(tables.queue, turn.epoch, turn.call, storable(turn.worker_id)[:NAME_LENGTH], 0), outcomes
    )
    _keep_told(tables, outcomes, done)
    if len(done) == len(outcomes):
        return [Answer.DONE] * len(done)
    return _answers(tables, [one.delivery.job.id for one in outcomes], Counter(done))


def _keep_told(tables: Tables, outcomes: Sequence[Succeeded], done: Sequence[str]) -> None:
    """Write what those that are done logged and which jobs they enqueued, in the transaction that ended them: a
    statement of its own, since many do neither."""
    telling = {one.delivery.job.id: one for one in outcomes if one.children or one.logs}
    told = {key: one for key, one in telling.items() if key in done}
    if told:
        children = [When(job_id=key, then=Value(lines_of(one.children))) for key, one in told.items()]
        logs = [When(job_id=key, then=Value(storable(one.logs))) for key, one in told.items()]
        text = TextField()
        tables.jobs.filter(job_id__in=told).update(
            children=Case(*children, output_field=text), logs=Case(*logs, output_field=text)
        )


def _answers(tables: Tables, ids: Sequence[str], done: Counter[str]) -> list[Answer]:
    known = set(tables.jobs.filter(job_id__in=ids).values_list("job_id", flat=True))
    answers = []
    for job_id in ids:
        if done[job_id]:
            done[job_id] -= 1
            answers.append(Answer.DONE)
        else:
            answers.append(Answer.STALE if job_id in known else Answer.GONE)
    return answers


class _Others:
    """The rows of outcomes that are no successes: locked, moved by the state table, written back together."""

    def __init__(self, tables: Tables, turn: Exchange, now_ms: int) -> None:
        self._tables = tables
        self._turn = turn
        self._now_ms = now_ms
        ids = [outcome.delivery.job.id for outcome in turn.outcomes if not isinstance(outcome, Succeeded)]
        self._rows = tables.locked(ids)
        self._moved: dict[int, Job] = {}
        self._attempts: list[Attempt] = []
        self.due_ms: int | None = None

    def settle(self, outcome: Outcome) -> Answer:
        delivery = outcome.delivery
        job = self._rows.get(delivery.job.id)
        if job is None:
            return Answer.GONE
        if job.fence != (self._turn.epoch, delivery.claim):
            return Answer.STALE
        answer, state = apply(verb_of(outcome), State(job.state), job.abort_asked)
        if answer is Answer.DONE and state is not None:
            self._move(job, outcome, state)
            self._moved[job.pk] = job
        return answer

    def _move(self, job: Job, outcome: Outcome, state: State) -> None:
        if job.abort_asked and state is State.ABORTED and not isinstance(outcome, Aborted):
            job.finish_by_itself(State.ABORTED, self._now_ms, self._tables.rules.result_ttl_ms, ABORTED_RUNNING)
            return
        match outcome:
            case Failed(attempt=attempt) | Aborted(attempt=attempt):
                self._record(job, attempt)
                job.finish(end_of(outcome, self._turn.worker_id, self._turn.epoch))
            case Retrying(attempt=attempt, delay_ms=delay):
                self._record(job, attempt)
                job.tries, job.crashes = job.tries + 1, 0
                self._postpone(job, state, delay)
            case Requeued(delay_ms=delay):
                job.crashes, job.requeues = 0, job.requeues + 1
                self._postpone(job, state, delay)
            case _:
                job.wait(state, job.due_ms)

    def _postpone(self, job: Job, state: State, delay_ms: int) -> None:
        due = self._now_ms + delay_ms
        self.due_ms = due if self.due_ms is None else min(due, self.due_ms)
        job.wait(state, due)

    def _record(self, job: Job, attempt: results.Attempt) -> None:
        job.has_history = True
        self._attempts.append(Attempt.of(job, attempt))

    def write(self) -> None:
        self._tables.record(self._attempts)
        self._tables.table.rewrite(self._moved.values())
