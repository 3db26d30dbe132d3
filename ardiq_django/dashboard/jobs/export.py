"""What the list of jobs shows, as a file: CSV or JSON, streamed, never more than the list can be paged through."""

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from io import StringIO
from typing import Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ERROR_FLAG, ChangeList
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.urls import path
from django.utils.http import content_disposition_header

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.audit import record_all
from ardiq_django.dashboard.desk import WINDOW, Desk, desk_of
from ardiq_django.dashboard.jobs.bulk_words import query_in_words
from ardiq_django.dashboard.jobs.columns import spent
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.payload import call, result
from ardiq_django.dashboard.jobs.queryset import BrokerQuerySet
from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.exceptions import BrokerError
from ardiq_django.results import State
from ardiq_django.snapshot import Erred

STEP = 1_000  # jobs of one call
FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # a spreadsheet would run what begins so
Record = dict[str, Any]


class ExportMixin(SectionMixin):
    """Two more addresses, which take what narrows the list."""

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        return [
            path("export/<str:form>/", self.admin_site.admin_view(self.export_view), name=name),
            *super().get_urls(),
        ]

    def exports(self, changelist: ChangeList) -> list[tuple[str, str]]:
        """What the list can be had as, and where."""
        terms = changelist.get_query_string(remove=["group"])
        return [(form.upper(), f"{self.address('export', form)}{terms}") for form in FORMS]

    def export_view(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """The file; what jobs carry is in it for whoever may see that."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if form not in FORMS:
            raise Http404
        try:
            jobs: Any = self.get_changelist_instance(request).queryset
            total = min(jobs.count(), WINDOW)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(f"{self.address('changelist')}?{ERROR_FLAG}=1")
        desk, with_payload = desk_of(request), self.may(request, "view_job_payload")
        if desk.problem:
            return HttpResponseRedirect(self.address("changelist"))  # the list says what is wrong
        record_all(request, "export", Job, total, f"{form}; {_words(jobs)}")
        content_type, write = FORMS[form]
        response = StreamingHttpResponse(write(_records(desk, jobs, with_payload)), content_type=content_type)
        response["Content-Disposition"] = content_disposition_header(True, f"jobs-{jobs.queue}.{form}") or ""
        return response


def _words(jobs: BrokerQuerySet) -> str:
    terms = jobs.terms
    return ", ".join(f"{name} {value}" for name, value in query_in_words(jobs.queue, terms.query, terms.sieve))


def _records(desk: Desk, jobs: BrokerQuerySet, with_payload: bool) -> Iterator[Record]:
    app = desk.app(jobs.queue)
    for low in range(0, WINDOW, STEP):
        rows: list[Job] = list(jobs[low : low + STEP])
        if desk.problem:
            raise BrokerError(desk.problem)  # a file that just ended would pass for a whole one
        for job in rows:
            yield public(job) | (_payload(app, job) if app and with_payload else {})
        if len(rows) < STEP:
            return


def public(job: Job) -> Record:
    """What everybody may see who sees the list. Times are ISO 8601 in UTC."""
    one, end = job.snapshot, job.snapshot.end
    return {
        "queue": job.queue,
        "id": job.job_id,
        "task": job.task,
        "state": one.state.value,
        "lane": one.job.lane,
        "tries": spent(one),
        "enqueued": iso(one.job.enqueued_ms),
        "due": iso(one.due_ms),
        "started": iso(end.start_ms if end else one.start_ms),
        "finished": iso(end.finish_ms if end else 0),
        "ran_ms": end.finish_ms - end.start_ms if end and end.start_ms else None,
        "worker": one.worker,
        "error": job.error,
    }


def _payload(app: Ardiq, job: Job) -> Record:
    one = job.snapshot
    value = result(app, one) if one.state is State.SUCCEEDED else None
    return {
        "message": Erred.of(one).message,
        "arguments": {argument.name: argument.text for argument in call(app, one).arguments},
        "result": value.text or value.raw if value else "",
    }


def iso(ms: int) -> str:
    """The moment in UTC; empty for 0, and for what no calendar has."""
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") if ms else ""
    except (ValueError, OverflowError, OSError):
        return ""


def _csv(records: Iterable[Record]) -> Iterator[str]:
    line = StringIO()
    writer = csv.writer(line)
    for number, record in enumerate(records):
        if not number:
            writer.writerow(record)
        writer.writerow(map(cell, record.values()))
        yield line.getvalue()
        line.seek(0)
        line.truncate()


def cell(value: Any) -> Any:
    """A value as a spreadsheet takes it for what it is."""
    text = json.dumps(value) if isinstance(value, dict) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(FORMULAS) else text


def _json(records: Iterable[Record]) -> Iterator[str]:
    begin = "["
    for record in records:
        yield f"{begin}\n{json.dumps(record)}"
        begin = ","
    yield "\n]\n" if begin == "," else "[]\n"


FORMS: dict[str, tuple[str, Callable[[Iterable[Record]], Iterator[str]]]] = {
    "csv": ("text/csv; charset=utf-8", _csv),
    "json": ("application/json", _json),
}
