"""The task that acts on many jobs: what is too much for one request of the admin is a job itself."""

from typing import Any

from django.contrib.auth import get_user_model
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from ardiq_django.ardiq import Ardiq
from ardiq_django.context import TaskContext
from ardiq_django.exceptions import BrokerError
from ardiq_django.models.job import LABELS
from ardiq_django.operating.bulk import CHANGED, GONE, Bulk, Tally
from ardiq_django.registry import ACT
from ardiq_django.results import State

RIGHTS = {"retry": "retry_job", "run-now": "reschedule_job", "abort": "abort_job", "purge": "delete_job"}
DONE = {
    "retry": pgettext_lazy("some jobs", "retried"),
    "run-now": pgettext_lazy("some jobs", "made due"),
    "abort": pgettext_lazy("some jobs", "aborted"),
    "purge": pgettext_lazy("some jobs", "purged"),
}
REASONS = {GONE: pgettext_lazy("some jobs", "gone"), CHANGED: pgettext_lazy("some jobs", "their state had changed")}


def register(app: Ardiq) -> None:
    """Let the worker of a declared queue run such jobs."""
    app.task(name=ACT, takes_context=True, max_retries=5, backoff_ms=5_000, retry_on=BrokerError)(act)


def enqueued(app: Ardiq, bulk: Bulk, user: Any) -> str:
    """Make it a job, in the most urgent lane; returns its id. The same order of the same user is one job."""
    task = app.ref(ACT, priority=app.options.priorities[-1], unique=True)
    return task.enqueue_sync(order=bulk.document(), user=str(user.pk)).id


def act(context: TaskContext, order: dict[str, Any], user: str) -> dict[str, Any]:
    """Act on every job that is meant. Only known verbs, and only for a user who may still do so."""
    try:
        bulk = Bulk.read(order)
    except ValueError as error:
        context.reject(str(error))
    if not _may(user, RIGHTS[bulk.action.name]):
        context.reject(f"user {user} may not {bulk.action.name} jobs")
    total, tally = bulk.count(context.app).total, Tally()
    for tally in bulk.act(context.app):
        context.progress_sync(tally.total, max(total, tally.total), said(bulk, tally))
        if context.aborted:
            break
    return tally.document()


def said(bulk: Bulk, tally: Tally) -> str:
    """What came of it, in one sentence."""
    refused = [_("%(n)s not: %(why)s") % {"n": _number(n), "why": _why(why)} for why, n in tally.refused.items()]
    return ", ".join([f"{_number(tally.done)} {DONE[bulk.action.name]}", *refused])


def _why(why: str) -> str:
    return str(REASONS[why]) if why in REASONS else _("it is %(state)s") % {"state": LABELS[State(why)]}


def _number(n: int) -> str:
    return str(number_format(n, use_l10n=True, force_grouping=True))


def _may(key: str, right: str) -> bool:
    try:
        user = get_user_model()._default_manager.get(pk=key)
    except (get_user_model().DoesNotExist, ValueError):
        return False
    return bool(user.is_active and user.has_perm(f"ardiq.{right}"))
