"""Acting on all jobs that a list is about, not only on those ticked: asked about, bounded by a moment, on record."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.formats import number_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.audit import record_all
from ardiq_django.dashboard.deed import Deed
from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.jobs.bulk_words import in_words, reasons
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.queryset import BrokerQuerySet
from ardiq_django.dashboard.moments import clock, moment
from ardiq_django.dashboard.section import CONFIRMED, TOKEN, SectionMixin
from ardiq_django.exceptions import ArdiqError
from ardiq_django.models.job import LABELS
from ardiq_django.operating import act
from ardiq_django.operating.action import ABORT, PURGE, RETRY, RUN_NOW
from ardiq_django.operating.bulk import Bulk, Matched, Tally
from ardiq_django.results import State

ACTS = {"retry": RETRY, "run-now": RUN_NOW, "abort": ABORT, "remove": PURGE}  # by the deed's name
INLINE = 1_000  # jobs of one request; more become a job
AS_OF = "as_of"


class BulkMixin(SectionMixin):
    """“Select all” means every job that the list is about, as it was when the list was made."""

    def _action(self, deed: Deed) -> Callable[..., HttpResponse | None]:
        ticked = super()._action(deed)
        if deed.name not in ACTS:
            return ticked

        @admin.action(description=deed.label, permissions=[deed.right])
        def action(section: Any, request: HttpRequest, queryset: BrokerQuerySet) -> HttpResponse | None:
            if queryset.terms.keys is not None:
                return ticked(section, request, queryset)
            try:
                return self._all_of(request, deed, queryset)
            except ArdiqError as error:
                messages.error(request, str(error))
                return None

        action.__name__ = deed.name
        return action

    def group_deeds(self, request: HttpRequest) -> list[Deed]:
        """What this user can do to groups of failed jobs."""
        deeds = [deed for deed in self.deeds if deed.name in ACTS and self.may(request, deed.right)]
        return [deed for deed in deeds if State.FAILED in ACTS[deed.name].states]

    def _all_of(self, request: HttpRequest, deed: Deed, queryset: BrokerQuerySet) -> HttpResponse | None:
        app = desk_of(request).app(queryset.queue)
        if app is None:
            return None
        bulk = self._bulk(request, app, deed, queryset)
        matched = bulk.count(app)
        if CONFIRMED not in request.POST:
            return self._asked_of_all(request, deed, app, bulk, matched)
        if matched.is_capped or matched.total > INLINE:
            return self._as_job(request, deed, app, bulk, matched)
        *_, tally = Tally(), *bulk.act(app)
        self._tell(request, deed, app, bulk, tally)
        return None

    def _bulk(self, request: HttpRequest, app: Ardiq, deed: Deed, queryset: BrokerQuerySet) -> Bulk:
        now_ms = app.broker.run_sync(app.broker.now_ms())
        asked = request.POST.get(AS_OF, "")
        as_of_ms = min(int(asked), now_ms) if asked.isascii() and asked.isdigit() and len(asked) < 16 else now_ms
        terms = queryset.terms
        return Bulk(ACTS[deed.name], terms.query, as_of_ms, terms.sieve)

    def _asked_of_all(self, request: HttpRequest, deed: Deed, app: Ardiq, bulk: Bulk, matched: Matched) -> HttpResponse:
        """The question; its form sends again what was sent, with the moment, and says that it is confirmed."""
        sent = [
            (name, value) for name, values in request.POST.lists() for value in values if name not in (TOKEN, AS_OF)
        ]
        context = {
            "deed": deed,
            "fields": [*sent, (AS_OF, bulk.as_of_ms), (CONFIRMED, "yes")],
            "title": capfirst(deed.label),
            "back": request.get_full_path(),
            "number": matched.total,
            "is_capped": matched.is_capped,
            "states": [(LABELS[state], state.value, number) for state, number in matched.numbers.items()],
            "taken": [LABELS[state] for state in bulk.states],
            "words": in_words(app.queue_name, bulk),
            "as_of": _clock(bulk.as_of_ms),
            "is_job": matched.is_capped or matched.total > INLINE,
        }
        return TemplateResponse(request, "ardiq/bulk.html", self.page_context(request, **context))

    def _as_job(self, request: HttpRequest, deed: Deed, app: Ardiq, bulk: Bulk, matched: Matched) -> HttpResponse:
        job_id = act.enqueued(app, bulk, request.user)
        note = _("%(acted)s; as job %(job)s") % {"acted": _note(app, bulk), "job": job_id}
        record_all(request, deed.name, Job, matched.total, note)
        messages.success(request, _("This is so much that it became a job itself; here you see how far it is."))
        return HttpResponseRedirect(self.address("change", quote(f"{app.queue_name}:{job_id}")))

    def _tell(self, request: HttpRequest, deed: Deed, app: Ardiq, bulk: Bulk, tally: Tally) -> None:
        note = f"{_note(app, bulk)}; {act.said(bulk, tally)}"
        record_all(request, deed.name, Job, tally.done, note)
        done = ngettext("%(n)s job: %(done)s.", "%(n)s jobs: %(done)s.", tally.done)
        messages.success(request, done % {"n": number_format(tally.done), "done": deed.done})
        for number, why in reasons(tally):
            not_done = ngettext("%(n)s job was not: %(why)s.", "%(n)s jobs were not: %(why)s.", number)
            messages.error(request, not_done % {"n": number_format(number), "why": why})


def _clock(ms: int) -> str:
    at = moment(ms)
    return clock(at) if at else ""


def _note(app: Ardiq, bulk: Bulk) -> str:
    words = ", ".join(f"{name} {value}" for name, value in in_words(app.queue_name, bulk))
    return _("%(terms)s; as of %(time)s") % {"terms": words, "time": _clock(bulk.as_of_ms)}
