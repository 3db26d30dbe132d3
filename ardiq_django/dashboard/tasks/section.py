"""The tasks in Django's admin: how each does, and a form that enqueues it."""

import inspect
from collections import defaultdict
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.audit import record
from ardiq_django.dashboard.call_form import CallForm
from ardiq_django.dashboard.charts import Spark, spark
from ardiq_django.dashboard.desk import Desk, desk_of
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.moments import DAY, HOUR, duration
from ardiq_django.dashboard.queue_tabs import QueueTabsMixin
from ardiq_django.dashboard.rows import RowsQuerySet
from ardiq_django.dashboard.tasks.task import Task
from ardiq_django.exceptions import ArdiqError
from ardiq_django.lineage import by_hand
from ardiq_django.registry import TaskDefinition
from ardiq_django.statistics import Figures, Point, Resolution

NOTHING = Figures()


@admin.display(description=_("failed"), ordering="failed")
def failed(task: Task) -> str | None:
    return None if task.failed is None else gettext("%(share)s %%") % {"share": number_format(task.failed, 1)}


def _time(name: str, title: Any) -> Any:
    @admin.display(description=title, ordering=name)
    def column(task: Task) -> str | None:
        ms = getattr(task, name)
        return None if ms is None else duration(ms)

    column.__name__ = name
    return column


@admin.display(description=_("24 hours"))
def last_day(task: Task) -> SafeString:
    """A bar an hour: how many runs, red where some failed."""
    hours = task.hours
    now = max(hours, default=0)
    small = [_bar(hours.get(now - back * HOUR, NOTHING)) for back in range(23, -1, -1)]
    return spark(gettext("runs in each hour"), small)


def _bar(one: Figures) -> Spark:
    title = gettext("%(runs)d runs, %(failed)d failed") % {"runs": one.begun, "failed": one.failed}
    return Spark(one.begun, "failed" if one.failed else "running", title)


def tasks_of(desk: Desk, queue: str) -> list[Task]:
    """The tasks of a queue: those declared in this process, and those that ran within a day."""
    app = desk.app(queue)
    by_name: dict[str, list[Point]] = defaultdict(list)
    for point in desk.points(queue, Resolution.TEN, desk.now_ms - DAY, desk.now_ms):
        by_name[point.task].append(point)
    declared = set(app.registry.tasks) if app else set()
    names = sorted(declared | set(by_name) - {""})
    return [Task.of(queue, name, by_name[name], name in declared) for name in names]


class TaskAdminMixin(QueueTabsMixin):
    """The same page for every broker; mix it with the `ModelAdmin` of a theme."""

    list_display: Any = (
        "name", "queue", "runs", failed, _time("wait_ms", _("wait, 95 %")),
        _time("run_ms", _("run, median")), _time("slow_ms", _("run, 95 %")), last_day,
    )  # fmt: skip
    list_display_links = None
    search_fields = ("name",)
    ordering = ("queue", "name")

    def get_queryset(self, request: HttpRequest) -> RowsQuerySet[Task]:
        desk = desk_of(request)
        return RowsQuerySet.over(Task, lambda: [task for queue in desk.queues for task in tasks_of(desk, queue)])

    def get_list_display(self, request: HttpRequest) -> Any:
        site = self

        @admin.display(description=_("links"))
        def links(task: Task) -> SafeString:
            terms, jobs_at = (
                urlencode({"queue": task.queue, "task": task.name}),
                site.address("changelist", model="job"),
            )
            button = '<a class="ardiq-button" href="{}?{}">{}</a>'
            jobs = format_html(button, jobs_at, terms, gettext("Jobs")) if jobs_at else SafeString("")
            if not task.is_declared or not site.may(request, "enqueue_job"):
                return jobs
            address = site.address("enqueue", quote(task.pk))
            return format_html('{} <a class="ardiq-button" href="{}">{}</a>', jobs, address, gettext("Enqueue…"))

        return (*self.list_display, links)

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_enqueue"
        ours = path("<path:object_id>/enqueue/", self.admin_site.admin_view(self.enqueue_view), name=name)
        return [ours, *super().get_urls()]

    def enqueue_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A form made from the signature of a declared task; no other function can be called."""
        if not self.may(request, "enqueue_job"):
            raise PermissionDenied
        queue, _colon, name = unquote(object_id).partition(":")
        app = desk_of(request).app(queue) if queue else None
        definition = app.registry.tasks.get(name) if app else None
        if app is None or definition is None:
            raise Http404(gettext("No task %(name)s is declared here.") % {"name": name})
        form = CallForm(app, definition, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                with by_hand(request.user.get_username()):
                    job = form.enqueue()
            except (ArdiqError, TypeError, ValueError) as error:
                form.add_error(None, str(error))
            else:
                return self._enqueued(request, queue, job.id)
        return self._form_page(request, definition, form)

    def _form_page(self, request: HttpRequest, definition: TaskDefinition, form: CallForm) -> HttpResponse:
        context = {
            "form": form,
            "task": definition.name,
            "doc": inspect.getdoc(definition.fn),
            "title": capfirst(gettext("enqueue %(task)s") % {"task": definition.name}),
            "media": self.media + form.media,
        }
        return TemplateResponse(request, "ardiq/enqueue.html", self.page_context(request, **context))

    def _enqueued(self, request: HttpRequest, queue: str, job_id: str) -> HttpResponse:
        snapshot = desk_of(request).get(queue, job_id)
        if snapshot:
            record(request, "enqueue", [Job.of(queue, snapshot)])
        messages.success(request, gettext("Enqueued: %(job)s") % {"job": job_id})
        job = self.address("change", quote(f"{queue}:{job_id}"), model="job")
        return HttpResponseRedirect(job or self.address("changelist"))
