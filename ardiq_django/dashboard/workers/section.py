"""The workers in Django's admin: what each is at, and letting it rest or end."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.deed import Deed, each
from ardiq_django.dashboard.desk import Desk, desk_of
from ardiq_django.dashboard.jobs.job import short
from ardiq_django.dashboard.moments import duration
from ardiq_django.dashboard.rows import RowsQuerySet
from ardiq_django.dashboard.workers.columns import lease, memory, mood, name, slots, uptime, versions
from ardiq_django.dashboard.workers.page import WorkerPagesMixin, longest_first
from ardiq_django.dashboard.workers.worker import Mood, Worker
from ardiq_django.declared import get_app
from ardiq_django.exceptions import ArdiqError
from ardiq_django.snapshot import Snapshot
from ardiq_django.wire import Command, Order

SHOWN_JOBS = 3  # of each worker


def _tell(order: Order) -> Callable[[Worker], None]:
    def tell(worker: Worker) -> None:
        broker = get_app(str(worker.queue)).broker
        if not broker.run_sync(broker.tell(worker.row.card.epoch, Command(order))):
            raise ArdiqError(gettext("this worker has gone"))

    return tell


DEEDS = (
    Deed(
        name="quiet",
        label=_("Quiet"),
        done=_("told to claim nothing more"),
        right="stop_worker",
        do=each(_tell(Order.QUIET)),
        fits=lambda worker: worker.mood in (Mood.WORKING, Mood.IDLE),
    ),
    Deed(
        name="resume",
        label=_("Go on"),
        done=_("told to go on"),
        right="stop_worker",
        do=each(_tell(Order.RESUME)),
        fits=lambda worker: worker.mood == Mood.QUIET,
    ),
    Deed(
        name="stop",
        label=_("Stop"),
        done=_("told to finish what runs and to stop"),
        right="stop_worker",
        do=each(_tell(Order.STOP)),
        fits=lambda worker: worker.mood in (Mood.WORKING, Mood.IDLE, Mood.QUIET),
        is_grave=True,
        warning=lambda _workers: gettext(
            "It finishes what runs, within its shutdown timeout. Where something watches over its process (runworker "
            "with several processes, systemd, a container) another one is started in its place; to have fewer, stop it "
            "there."
        ),
    ),
)


def workers_of(desk: Desk) -> Iterator[Worker]:
    """The workers of every declared queue."""
    for queue in desk.queues:
        for row in desk.workers(queue):
            yield Worker.of(queue, row)


def shown_jobs(worker: Worker) -> list[str]:
    """The ids of some of its jobs, the longest running first."""
    return longest_first(worker)[:SHOWN_JOBS]


class WorkerAdminMixin(WorkerPagesMixin):
    """The same pages for every broker; mix it with the `ModelAdmin` of a theme."""

    deeds: Sequence[Deed] = DEEDS  # type: ignore[misc]
    list_display: Any = (name, "queue", mood, slots, lease, memory, uptime, versions)
    list_display_links = (name,)
    change_list_template = "ardiq/change_list.html"
    search_fields = ("name", "host", "queue")
    ordering = ("host", "pid", "queue")

    def get_list_display(self, request: HttpRequest) -> Any:
        jobs = (self._jobs_column(request),) if self.may(request, "view_job") else ()
        return (*self.list_display[:4], *jobs, *self.list_display[4:], self.button_column(request))

    def get_queryset(self, request: HttpRequest) -> RowsQuerySet[Worker]:
        return RowsQuerySet.over(Worker, lambda: list(workers_of(desk_of(request))))

    def _jobs_column(self, request: HttpRequest) -> Callable[[Worker], SafeString | None]:
        desk, known = desk_of(request), dict[str, Mapping[str, Snapshot]]()

        def of_queue(queue: str) -> Mapping[str, Snapshot]:
            if queue not in known:  # one question for all workers of a queue
                ids = [one for worker in workers_of(desk) if worker.queue == queue for one in shown_jobs(worker)]
                known[queue] = desk.known(queue, ids)
            return known[queue]

        @admin.display(description=pgettext_lazy("a worker", "runs"))
        def jobs(worker: Worker) -> SafeString | None:
            snapshots = of_queue(str(worker.queue))
            lines = [self._job(worker, one, snapshots.get(one)) for one in shown_jobs(worker)]
            if (more := worker.running - len(lines)) > 0:
                others = ngettext("and %(more)d more", "and %(more)d more", more)
                whole = self.address("change", quote(worker.pk))
                lines.append(format_html('<a href="{}">{}</a>', whole, others % {"more": more}))
            together = format_html_join("", "{}", ((line,) for line in lines))
            return format_html('<span class="ardiq-lines">{}</span>', together) if lines else None

        return jobs

    def _job(self, worker: Worker, job_id: str, snapshot: Snapshot | None) -> SafeString:
        address = self.address("change", quote(f"{worker.queue}:{job_id}"), model="job")
        link = '<a href="{0}" title="{1}">{2}</a>' if address else '<span title="{1}">{2}</span>'
        form = f'<span>{link} <small class="ardiq-quiet">{{3}}</small></span>'
        long = duration(worker.row.now_ms - worker.row.news.starts[job_id])
        return format_html(form, address, job_id, snapshot.job.task if snapshot else short(job_id), long)
