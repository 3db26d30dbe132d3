"""Running a job again as a copy: the same call under an id of its own."""

import msgspec
from django.utils.translation import gettext as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.clock import new_id, now_ms
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.exceptions import ArdiqError
from ardiq_django.lineage import BY, MOST_CHARS, others
from ardiq_django.reading import call_of
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot
from ardiq_django.wire import Acceptance, StagedJob


class NoCopy(ArdiqError):
    """There is nothing that could be run again, or no room for it; the text says why."""


def can_run_again(snapshot: Snapshot) -> bool:
    """Whether a copy is offered: of jobs that have ended, and whose bytes are a job's."""
    return snapshot.state.ended and "undecodable" not in snapshot.job.labels


def run_again(app: Ardiq, job: Job, who: str) -> Job:
    """Enqueue the copy; raises `NoCopy`, or what the broker raises."""
    staged = copied(app, job.snapshot, who)
    (answer,) = app.broker.run_sync(app.broker.enqueue([staged]))
    if answer is not Acceptance.CREATED:
        raise NoCopy(_("Queue %(queue)s is full: the copy was not stored.") % {"queue": app.queue_name})
    return Job.of(str(job.queue), Snapshot(staged, State.QUEUED, staged.enqueued_ms))


def copied(app: Ardiq, snapshot: Snapshot, who: str) -> StagedJob:
    """The call's bytes as they are stored, due at once, without window, uniqueness and what it waited for."""
    old = snapshot.job
    if not can_run_again(snapshot):
        raise NoCopy(_("Only a job that has ended, and that can be decoded, is run again as a copy."))
    try:
        call_of(snapshot, app.decode)
    except ValueError as error:
        raise NoCopy(str(error)) from error
    return msgspec.structs.replace(
        old,
        id=new_id(),
        token="",
        digest="",
        replaces=False,
        lane=old.lane if old.lane in app.priorities else app.options.lane,
        enqueued_ms=now_ms(),
        delay_ms=0,
        schedule_ms=0,
        expire_ms=0,
        unique_for_ms=0,
        depends_on=(),
        headers={**others(old.headers), BY: who[:MOST_CHARS]},
    )
