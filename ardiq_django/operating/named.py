"""An action on jobs that are named by their ids."""

from collections.abc import Sequence
from dataclasses import dataclass

from ardiq_django.ardiq import Ardiq
from ardiq_django.exceptions import ConfigError
from ardiq_django.operating.acted import Acted, JobAnswer, QueueTally
from ardiq_django.operating.action import Action
from ardiq_django.operating.console import Console
from ardiq_django.operating.reach import reached
from ardiq_django.operating.sheet import number_of
from ardiq_django.results import State
from ardiq_django.wire import Answer

TELL_EVERY = 20  # jobs


@dataclass(frozen=True, slots=True)
class Found:
    """Where a job stands, and in which state; nowhere if it is unknown."""

    job_id: str
    app: Ardiq | None
    state: State | None


def act_on_named(action: Action, names: Sequence[str], ids: Sequence[str], console: Console, is_dry: bool) -> Acted:
    """Act on these jobs, wherever they stand; nothing is done where an id stands in two queues, or nobody confirms."""
    apps = reached(names)
    jobs = _found(apps, list(dict.fromkeys(ids)), console)
    if not is_dry and any(job.app for job in jobs):
        console.confirm_or_leave(f"{action.name} {number_of(sum(job.app is not None for job in jobs))}")
    answers = _foreseen(action, jobs) if is_dry else _done(action, apps, jobs, console)
    told = [
        JobAnswer(job.app.queue_name if job.app else "", job.job_id, job.state, answers[job.job_id]) for job in jobs
    ]
    queues = [app.queue_name for app in apps if any(job.app is app for job in jobs)]
    return Acted(action, is_dry, [_tally(queue, told) for queue in queues], told)


def _found(apps: Sequence[Ardiq], ids: Sequence[str], console: Console) -> list[Found]:
    found = []
    try:
        for place, job_id in enumerate(ids):
            if place % TELL_EVERY == 0:
                console.progress("finding", place, len(ids))
            found.append(_find(apps, job_id))
    finally:
        console.clear()
    return found


def _find(apps: Sequence[Ardiq], job_id: str) -> Found:
    seen = [(app, app.broker.run_sync(app.broker.get(job_id))) for app in apps]
    found = [Found(job_id, app, snapshot.state) for app, snapshot in seen if snapshot]
    if len(found) > 1:
        queues = ", ".join(job.app.queue_name for job in found if job.app)
        raise ConfigError(f"job {job_id!r} stands in several queues: {queues}; name one with --queue")
    return found[0] if found else Found(job_id, None, None)


def _foreseen(action: Action, jobs: Sequence[Found]) -> dict[str, Answer]:
    return {job.job_id: action.foresee(job.state) for job in jobs}


def _done(action: Action, apps: Sequence[Ardiq], jobs: Sequence[Found], console: Console) -> dict[str, Answer]:
    answers = {job.job_id: Answer.GONE for job in jobs}
    for app in apps:
        ids = [job.job_id for job in jobs if job.app is app]
        answers.update(zip(ids, _answered(action, app, ids, console), strict=True))
    return answers


def _answered(action: Action, app: Ardiq, ids: Sequence[str], console: Console) -> list[Answer]:
    given: list[Answer] = []
    try:
        for batch in action.batches(app.broker, ids):
            given += batch
            console.progress(f"{action.doing} {app.queue_name}", len(given), len(ids))
    finally:
        console.clear()
    return given


def _tally(queue: str, told: Sequence[JobAnswer]) -> QueueTally:
    ours = [job for job in told if job.queue == queue]
    tally = QueueTally(queue, len(ours))
    tally.answers.update(job.answer for job in ours)
    tally.told = sum(job.state is State.RUNNING and job.answer is Answer.DONE for job in ours)
    return tally
