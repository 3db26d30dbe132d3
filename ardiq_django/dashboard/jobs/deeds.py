"""What an operator can do to jobs, each by the state table, with the reason where it cannot be done."""

from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ardiq_django.brokers.base import Broker
from ardiq_django.dashboard.deed import Deed, Many
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.waiting import of_threads, runs_in_thread
from ardiq_django.declared import get_app
from ardiq_django.models.job import LABELS
from ardiq_django.results import State
from ardiq_django.states import TABLE, Verb
from ardiq_django.wire import Answer

Call = Callable[[Broker, Sequence[str]], Coroutine[Any, Any, Sequence[Answer]]]


def by_verb(call: Call, verb: Verb) -> Many:
    """The broker's verb, once for each queue, with its answers in words."""

    def do(jobs: Sequence[Job]) -> list[str]:
        reasons: dict[str, str] = {}
        by_queue: dict[str, list[Job]] = defaultdict(list)
        for job in jobs:
            by_queue[str(job.queue)].append(job)
        for queue, mine in by_queue.items():
            broker = get_app(queue).broker
            answers = broker.run_sync(call(broker, [str(job.job_id) for job in mine]))
            reasons |= {job.pk: reason(answer, job, verb) for job, answer in zip(mine, answers, strict=True)}
        return [reasons[job.pk] for job in jobs]

    return do


def reason(answer: Answer, job: Job, verb: Verb) -> str:
    """Why a verb did nothing; "" where it did."""
    if answer is Answer.DONE:
        return ""
    if answer is Answer.GONE:
        return gettext("it is gone")
    state = State(str(job.state))
    if answer is Answer.ALREADY or state in TABLE[verb]:
        return gettext("its state has just changed")  # it was another one when the list was made
    return gettext("it is %(state)s") % {"state": LABELS[state]}


def _fits(verb: Verb) -> Callable[[Job], bool]:
    return lambda job: job.snapshot.state in TABLE[verb]


def _of_threads(jobs: Sequence[Job]) -> str:
    running = [job for job in jobs if job.snapshot.state is State.RUNNING]
    return of_threads() if any(runs_in_thread(get_app(str(job.queue)), str(job.task)) for job in running) else ""


RETRY = Deed(
    name="retry",
    label=_("Retry"),
    done=_("queued again"),
    right="retry_job",
    do=by_verb(lambda broker, ids: broker.replay(ids), Verb.REPLAY),
    fits=_fits(Verb.REPLAY),
)
RUN_NOW = Deed(
    name="run-now",
    label=_("Run now"),
    done=_("due now"),
    right="reschedule_job",
    do=by_verb(lambda broker, ids: broker.reschedule(ids, 0), Verb.RESCHEDULE),
    fits=lambda job: job.snapshot.state in (State.SCHEDULED, State.RETRYING),
)
ABORT = Deed(
    name="abort",
    label=_("Abort"),
    done=_("aborted, or its worker told to"),
    right="abort_job",
    do=by_verb(lambda broker, ids: broker.abort(ids), Verb.ABORT),
    fits=_fits(Verb.ABORT),
    is_grave=True,
    warning=_of_threads,
)
DELETE = Deed(
    name="remove",
    label=_("Delete"),
    done=_("deleted"),
    right="delete_job",
    do=by_verb(lambda broker, ids: broker.delete(ids), Verb.DELETE),
    fits=_fits(Verb.DELETE),
    is_grave=True,
)
JOB_DEEDS = (RETRY, RUN_NOW, ABORT, DELETE)
