"""The page of one worker: what it is at, and all that it runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ardiq_django.dashboard.desk import ROWS, Desk, desk_of
from ardiq_django.dashboard.jobs.columns import badge, spent
from ardiq_django.dashboard.jobs.detail import Fact
from ardiq_django.dashboard.jobs.job import short
from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.dashboard.numbers import written
from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.dashboard.workers import columns
from ardiq_django.dashboard.workers.worker import Worker
from ardiq_django.reading import progress_of
from ardiq_django.results import Progress, State
from ardiq_django.snapshot import Snapshot


def longest_first(worker: Worker) -> list[str]:
    """The ids of all jobs that it says it runs, the longest running first."""
    starts = worker.row.news.starts
    return sorted(starts, key=lambda job_id: (starts[job_id], job_id))


@dataclass(frozen=True, slots=True)
class Running:
    """One job in the hands of a worker; `snapshot` is None where the broker does not know it, or no more."""

    job_id: str
    key: str
    start_ms: int
    now_ms: int
    snapshot: Snapshot | None

    @property
    def task(self) -> str:
        return self.snapshot.job.task if self.snapshot else ""

    @property
    def name(self) -> str:
        return short(self.job_id)

    @property
    def since(self) -> str:
        return stamp(self.start_ms, _("started"))

    @property
    def took(self) -> str:
        return duration(self.now_ms - self.start_ms)

    @property
    def attempt(self) -> int | None:
        return (spent(self.snapshot) or None) if self.snapshot else None

    @property
    def progress(self) -> Progress | None:
        return progress_of(self.snapshot)

    @property
    def news(self) -> SafeString | None:
        """Its state, where it is not running any more: the worker told of it a moment before."""
        is_over = self.snapshot is not None and self.snapshot.state is not State.RUNNING
        return badge(self.snapshot.state) if self.snapshot and is_over else None


class WorkerPage:
    """One worker; of what it runs so many rows as a list has, from a page on."""

    def __init__(self, desk: Desk, worker: Worker, page: str) -> None:
        self.worker = worker
        self._desk = desk
        self._ids = longest_first(worker)
        self._pages = max(1, -(-len(self._ids) // ROWS))
        self._page = min(max(1, int(page)), self._pages) if page.isdecimal() and len(page) < 9 else 1

    @property
    def facts(self) -> list[Fact]:
        """What is known, in the order of the list's columns."""
        worker = self.worker
        told = {
            _("state"): columns.mood(worker),
            _("queue"): worker.queue,
            _("host"): worker.host,
            _("process id"): worker.pid,
            _("slots used"): columns.slots(worker),
            _("lease"): columns.lease(worker),
            _("memory"): columns.memory(worker),
            _("up"): columns.uptime(worker),
            _("versions"): columns.versions(worker),
        }
        return [Fact(capfirst(name), text) for name, text in told.items() if text]

    @property
    def rows(self) -> list[Running]:
        """Asked of the broker all at once."""
        ids, queue = self._ids[self._low : self._low + ROWS], str(self.worker.queue)
        known, row = self._desk.known(queue, ids), self.worker.row
        return [Running(one, f"{queue}:{one}", row.news.starts[one], row.now_ms, known.get(one)) for one in ids]

    @property
    def _low(self) -> int:
        return (self._page - 1) * ROWS

    @property
    def note(self) -> str:
        """Which of how many are shown."""
        number = len(self._ids)
        if number <= ROWS:
            form = ngettext(
                "%(number)s job, as it tells.", "%(number)s jobs, as it tells; the longest running first.", number
            )
            return form % {"number": written(number)}
        shown = {"first": self._low + 1, "last": min(number, self._low + ROWS), "number": written(number)}
        return _("%(first)s to %(last)s of %(number)s jobs, as it tells; the longest running first.") % shown

    @property
    def ways(self) -> Mapping[str, str]:
        """The pages before and after this one."""
        around = {"previous": self._page - 1, "next": self._page + 1}
        return {way: f"?p={page}" for way, page in around.items() if 1 <= page <= self._pages}


class WorkerPagesMixin(SectionMixin):
    """Adds the page, for whoever may see workers; what one runs, for whoever may see jobs."""

    class Media:
        css = {"all": (*SectionMixin.Media.css["all"], "ardiq/job.css")}  # noqa: RUF012
        js = SectionMixin.Media.js

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Worker | None:
        """Looked for in its own queue: another one that cannot be read is no matter of this worker."""
        desk, queue = desk_of(request), object_id.partition(":")[0]
        found = (Worker.of(queue, row) for row in desk.workers(queue)) if queue in desk.queues else ()
        return next((worker for worker in found if worker.pk == object_id), None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request) or request.method == "POST":
            raise PermissionDenied
        worker = self.get_object(request, unquote(object_id))
        if worker is None:
            return self._gone(request, unquote(object_id))
        page = WorkerPage(desk_of(request), worker, request.GET.get("p", ""))
        context = {
            "page": page,
            "ways": page.ways,
            "original": worker,
            "buttons": self.buttons(request, worker),
            "title": worker.name,
            "history": self.address("history", quote(worker.pk)),
            "has_view_permission": True,
        }
        return TemplateResponse(request, "ardiq/worker.html", self.page_context(request, **context))

    def _gone(self, request: HttpRequest, key: str) -> HttpResponse:
        if not desk_of(request).problem:  # which the list tells
            known = {"name": self.opts.verbose_name, "key": key}
            messages.warning(request, _("There is no %(name)s “%(key)s”.") % known)
        return HttpResponseRedirect(self.address("changelist"))
