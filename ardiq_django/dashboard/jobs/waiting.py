"""Why a job waits, and what else an operator is to know of the state it is in."""

from collections.abc import Iterator

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.desk import Desk
from ardiq_django.dashboard.moments import duration
from ardiq_django.results import State
from ardiq_django.snapshot import AHEAD_MOST, Snapshot
from ardiq_django.states import WAITING


def hints(desk: Desk, app: Ardiq, snapshot: Snapshot) -> Iterator[str]:
    """Sentences, the most important first; none for a job that has ended."""
    if snapshot.state in WAITING:
        yield from _trouble(desk, app.queue_name)
        yield from _turn(desk, app.queue_name, snapshot)
    elif snapshot.state is State.RUNNING and runs_in_thread(app, snapshot.job.task):
        yield of_threads()


def of_threads() -> str:
    """What an abort can do to a task whose body runs in a thread."""
    return _(
        "It runs in a thread, which cannot be killed: told to abort, it goes on until its code looks at "
        "current_task().aborted, or ends by itself."
    )


def runs_in_thread(app: Ardiq, task: str) -> bool:
    """Whether the body of this task is where nothing can be cancelled."""
    definition = app.registry.tasks.get(task)
    return definition is not None and not definition.is_async and not definition.in_process


def _trouble(desk: Desk, queue: str) -> Iterator[str]:
    if desk.is_paused(queue):
        yield _("The queue is paused: nothing is handed out.")
    if not desk.is_served(queue):
        yield _("No worker serves this queue.")


def _turn(desk: Desk, queue: str, snapshot: Snapshot) -> Iterator[str]:
    ahead_ms = snapshot.due_ms - snapshot.now_ms
    if snapshot.state is State.RETRYING and ahead_ms > 0:
        yield _("Its last attempt did not succeed; the next one is due in %s.") % duration(ahead_ms)
    elif snapshot.state is State.SCHEDULED and ahead_ms > 0:
        yield _("It is due in %s.") % duration(ahead_ms)
    if snapshot.state is not State.QUEUED:
        return
    if snapshot.crashes:
        yield _(
            "It was lost with a worker, so it is run alone: by a worker that holds nothing else, one job at a time."
        )
    else:
        yield _place(desk.ahead(queue, snapshot.job))


def _place(ahead: int | None) -> str:
    if ahead is None:
        return _("More than %(n)d jobs stand before it in its lane.") % {"n": AHEAD_MOST}
    if not ahead:
        return _("It is the next one of its lane.")
    said = ngettext("%(n)d job stands before it in its lane.", "%(n)d jobs stand before it in its lane.", ahead)
    return said % {"n": ahead}
