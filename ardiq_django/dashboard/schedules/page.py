"""The page of one schedule, on which those that are kept in the broker are changed; and the one that adds another."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.audit import record
from ardiq_django.dashboard.call_form import ArgumentsForm
from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.jobs.columns import badge
from ardiq_django.dashboard.jobs.detail import Fact
from ardiq_django.dashboard.jobs.payload import Call, call
from ardiq_django.dashboard.kept_call import KeptArgumentsForm
from ardiq_django.dashboard.moments import duration, stamp
from ardiq_django.dashboard.schedules.form import TimingForm
from ardiq_django.dashboard.schedules.schedule import PLAN, Schedule, condition_badge, find_outcomes, schedule_of
from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.exceptions import ArdiqError
from ardiq_django.plan import Plan, Planned
from ardiq_django.registry import TaskDefinition
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class SchedulePage:
    """One schedule, as plain values for its template."""

    schedule: Schedule
    last_run: SafeString | None
    call: Call | None  # where the reader may see it

    @property
    def facts(self) -> list[Fact]:
        return [fact for fact in self._facts() if fact.text]

    def _facts(self) -> Iterator[Fact]:
        schedule = self.schedule
        yield Fact(_("State"), condition_badge(schedule))
        yield Fact(_("Task"), schedule.task)
        yield Fact(_("Queue"), schedule.queue)
        yield Fact(_("Fires"), schedule.fires)
        yield Fact(_("Expression"), f"{schedule.table.spec} {schedule.table.timezone}" if schedule.table.spec else "")
        yield Fact(_("Missed times"), schedule.policy)
        yield Fact(_("Last run"), self.last_run)
        if schedule.planned:
            yield Fact(_("Lane"), schedule.planned.plan.job.lane)
            yield Fact(_("Planned"), stamp(schedule.planned.plan.created_ms))

    @property
    def runs(self) -> list[Fact]:
        """The next ones, and how far off they are."""
        schedule = self.schedule
        return [Fact(stamp(run), _("in %s") % duration(run - schedule.now_ms)) for run in schedule.runs]


class SchedulePagesMixin(SectionMixin):
    """Adds the pages; what is declared in code is shown and not changed."""

    class Media:
        css = {"all": (*SectionMixin.Media.css["all"], "ardiq/jobs.css", "ardiq/job.css")}  # noqa: RUF012
        js = SectionMixin.Media.js

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change_schedule")

    def last_run(self, request: HttpRequest, schedule: Schedule) -> SafeString | None:
        """When it fired last, and the state of the job that came of it."""
        if not schedule.fired_ms:
            return None
        when = stamp(schedule.fired_ms)
        if not self.may(request, "view_job"):
            return format_html("{}", when)
        if schedule.outcome is None:
            return format_html('{} <small class="ardiq-quiet ardiq-below">{}</small>', when, _("no longer kept"))
        address = self.address("change", quote(f"{schedule.queue}:{schedule.last_job}"), model="job")
        if not address:
            return format_html('{} <span class="ardiq-below">{}</span>', when, badge(schedule.outcome))
        return format_html(
            '<a href="{}">{}</a> <span class="ardiq-below">{}</span>', address, when, badge(schedule.outcome)
        )

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        schedule = self.get_object(request, unquote(object_id))
        if schedule is None:
            return self._unknown(request, unquote(object_id))
        app, may_change = desk_of(request).app(schedule.queue), self.may(request, "change_schedule")
        if request.method == "POST" and not (may_change and schedule.planned):
            raise PermissionDenied
        forms = self._forms(request, app, schedule.planned.plan) if app and may_change and schedule.planned else []
        if forms and app and request.method == "POST" and all(form.is_valid() for form in forms):
            try:
                self._change(app, schedule.planned, forms)
            except (ArdiqError, TypeError, ValueError) as error:
                forms[-1].add_error(None, str(error))
            else:
                record(request, "change", [schedule])
                messages.success(request, _("Changed: %(what)s") % {"what": schedule})
                return HttpResponseRedirect(request.get_full_path())
        return self._page(request, schedule, app, forms)

    def _unknown(self, request: HttpRequest, key: str) -> HttpResponse:
        if not desk_of(request).problem:  # which the list tells
            messages.warning(
                request, _("There is no %(name)s “%(key)s”.") % {"name": self.opts.verbose_name, "key": key}
            )
        return HttpResponseRedirect(self.address("changelist"))

    def _page(self, request: HttpRequest, schedule: Schedule, app: Ardiq | None, forms: Sequence[Any]) -> HttpResponse:
        if self.may(request, "view_job"):
            find_outcomes(desk_of(request), [schedule])
        shown = None
        if schedule.planned and app and self.may(request, "view_job_payload"):
            shown = call(app, Snapshot(schedule.planned.plan.job, State.SCHEDULED, schedule.now_ms))
        context = {
            "page": SchedulePage(schedule, self.last_run(request, schedule), shown),
            "original": schedule,
            "forms": forms,
            "buttons": self.buttons(request, schedule),
            "title": schedule.schedule_id,
            "history": self.address("history", quote(schedule.pk)),
        }
        return self._rendered(request, "ardiq/schedule.html", context)

    def _rendered(self, request: HttpRequest, template: str, context: Mapping[str, Any]) -> HttpResponse:
        given = {
            "has_view_permission": True,
            "add": "original" not in context,
            **context,
        }
        return TemplateResponse(request, template, self.page_context(request, **given))

    def _forms(self, request: HttpRequest, app: Ardiq, plan: Plan) -> list[Any]:
        """For the arguments, where the reader may see them and the task is declared here; and for the times."""
        data = request.POST if request.method == "POST" else None
        timing, definition = TimingForm(app, plan, data), app.registry.tasks.get(plan.job.task)
        if definition is None or not self.may(request, "view_job_payload"):
            return [timing]
        try:
            args, kwargs = app.decode(plan.job.call)
            kept = definition.bind(tuple(args), dict(kwargs)).arguments
        except Exception:  # of another version of the task, or nothing that can be decoded: it stays as it is
            return [timing]
        return [KeptArgumentsForm(definition, kept, data), timing]

    def _change(self, app: Ardiq, row: Planned | None, forms: Sequence[Any]) -> None:
        *arguments, timing = forms
        broker = app.broker
        if row is None or broker.run_sync(broker.schedules.get(row.plan.id)) is None:
            raise ArdiqError(_("It has been cancelled meanwhile."))
        plan = timing.change(row.plan, arguments[0].call() if arguments else None)
        broker.run_sync(broker.schedules.plan([Planned.new(plan, broker.run_sync(broker.now_ms()))]))

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """First the choice of a declared task, then the form of a schedule that calls it."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        queue, _colon, name = request.GET.get("task", "").partition(":")
        desk = desk_of(request)
        if not name:
            found = [(queue, app) for queue in desk.queues if (app := desk.app(queue))]
            tasks = [(queue, task) for queue, app in found for task in sorted(app.registry.tasks)]
            title = capfirst(_("schedule a task"))
            return self._rendered(request, "ardiq/schedule_add.html", {"tasks": tasks, "title": title})
        app = desk.app(queue) if queue else None
        definition = app.registry.tasks.get(name) if app else None
        if app is None or definition is None:
            raise Http404(_("No task %(name)s is declared here.") % {"name": name})
        return self._add(request, app, definition)

    def _add(self, request: HttpRequest, app: Ardiq, definition: TaskDefinition) -> HttpResponse:
        data = request.POST if request.method == "POST" else None
        forms: Any = [ArgumentsForm(definition, data), TimingForm(app, data=data)]
        if request.method == "POST" and all(form.is_valid() for form in forms):
            try:
                added = self._added(request, app, definition, forms)
            except (ArdiqError, TypeError, ValueError) as error:
                forms[-1].add_error(None, str(error))
            else:
                return HttpResponseRedirect(self.address("change", quote(added)))
        title = capfirst(_("schedule %(task)s") % {"task": definition.name})
        return self._rendered(request, "ardiq/schedule_add.html", {"forms": forms, "title": title})

    def _added(self, request: HttpRequest, app: Ardiq, definition: TaskDefinition, forms: Any) -> str:
        arguments, timing = forms
        wanted = timing.options.schedule_id
        if wanted and app.broker.run_sync(app.broker.schedules.get(wanted)):
            raise ArdiqError(_("There is a schedule with this id already."))
        key = f"{app.queue_name}:{PLAN}:{timing.add(definition, arguments.call()).id}"
        if schedule := schedule_of(desk_of(request), key):
            record(request, "add", [schedule])
        return key
