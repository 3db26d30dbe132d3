"""What leads on from one job's page: a copy of the job, another time or call for it, and all of it as JSON."""

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.dashboard.audit import record
from ardiq_django.dashboard.deed import Deed
from ardiq_django.dashboard.desk import desk_of
from ardiq_django.dashboard.jobs.again import can_run_again, run_again
from ardiq_django.dashboard.jobs.amend import AmendForm, NotAmended, can_be_amended
from ardiq_django.dashboard.jobs.deeds import by_verb
from ardiq_django.dashboard.jobs.detail import JobPage
from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.record import job_record
from ardiq_django.dashboard.jobs.reschedule import RescheduleForm
from ardiq_django.dashboard.moments import exact, moment
from ardiq_django.dashboard.section import SectionMixin
from ardiq_django.exceptions import ArdiqError, BrokerError
from ardiq_django.models.job import LABELS
from ardiq_django.states import TABLE, Verb
from ardiq_django.wire import Answer


class JobPagesMixin(SectionMixin):
    """Beside the deeds, which end where they began."""

    def get_urls(self) -> list[Any]:
        views = {
            "again": self.again_view,
            "reschedule": self.reschedule_view,
            "amend": self.amend_view,
            "json": self.json_view,
        }
        ours = [
            path(f"<path:object_id>/{name}/", self.admin_site.admin_view(view), name=f"{self._model}_{name}")
            for name, view in views.items()
        ]
        return [*ours, *super().get_urls()]

    @property
    def _model(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}"

    def job_page(self, request: HttpRequest, job: Job, app: Ardiq) -> JobPage:
        """What this user may see of a job."""

        def address(key: str) -> str:
            return self.address("change", quote(key))

        return JobPage(desk_of(request), app, job, self.may(request, "view_job_payload"), address)

    def buttons(self, request: HttpRequest, obj: Job) -> list[dict[str, Any]]:
        """The deeds, and the copy, in the order of their gravity."""
        offered = super().buttons(request, obj)
        if not can_run_again(obj.snapshot) or not self.may(request, "enqueue_job"):
            return offered
        again = {
            "label": _("Run again as a copy"),
            "name": "again",
            "address": self.address("again", quote(obj.pk)),
        }
        return [*offered[:1], again, *offered[1:]] if len(offered) > 1 else [again, *offered]

    def links(self, request: HttpRequest, job: Job) -> list[dict[str, Any]]:
        """Pages of this job that ask for something first."""
        found: list[dict[str, Any]] = []
        if job.snapshot.state in TABLE[Verb.RESCHEDULE] and self.may(request, "reschedule_job"):
            found.append({"label": _("Reschedule…"), "address": self.address("reschedule", quote(job.pk))})
        app = desk_of(request).app(str(job.queue)) if self._may_amend(request) else None
        if app and can_be_amended(app, job.snapshot):
            found.append({"label": _("Change…"), "address": self.address("amend", quote(job.pk))})
        return found

    def _may_amend(self, request: HttpRequest) -> bool:
        """The form shows arguments, so it is for those who may see them."""
        return self.may(request, "change_job") and self.may(request, "view_job_payload")

    def deed_view(self, request: HttpRequest, object_id: str, deed: Deed) -> HttpResponse:
        try:
            return super().deed_view(request, object_id, deed)
        except BrokerError as error:
            return self._told(request, error)

    def again_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Enqueue the call of an ended job once more, and go there."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            job, app = self._job(request, object_id, "enqueue_job")
            copy = run_again(app, job, request.user.get_username())
        except ArdiqError as error:
            return self._told(request, error, object_id)
        record(request, "run again as a copy", [job], note=str(copy.job_id))
        record(request, "enqueue", [copy], note=_("copy of %(job)s") % {"job": job.job_id})
        messages.success(request, _("Enqueued as a copy of %(job)s.") % {"job": job})
        return HttpResponseRedirect(self.address("change", quote(copy.pk)))

    def reschedule_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the time, and let a waiting job become due then."""
        try:
            job, app = self._job(request, object_id, "reschedule_job")
            now_ms = app.broker.run_sync(app.broker.now_ms())
        except BrokerError as error:
            return self._told(request, error)
        form = RescheduleForm(now_ms, request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid() and self._reschedule(request, job, form):
            return HttpResponseRedirect(self.address("change", quote(job.pk)))
        context = {
            "form": form,
            "job": job,
            "back": self.address("change", quote(job.pk)),
            "title": capfirst(_("reschedule %(job)s") % {"job": job}),
        }
        return TemplateResponse(request, "ardiq/reschedule.html", self.page_context(request, **context))

    def _reschedule(self, request: HttpRequest, job: Job, form: RescheduleForm) -> bool:
        due_ms = form.due_ms
        (refused,) = _rescheduling(due_ms).reasons([job])
        if refused:
            form.add_error(None, refused)
            return False
        at = moment(due_ms)
        told = exact(at) if at else str(due_ms)
        record(request, "reschedule", [job], note=told)
        messages.success(request, _("%(job)s is due at %(time)s.") % {"job": job, "time": told})
        return True

    def amend_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for other arguments or another lane, and give them to a job that still waits as it was shown."""
        if not self._may_amend(request):
            raise PermissionDenied
        try:
            job, app = self._job(request, object_id, "change_job")
            form = AmendForm(app, job.snapshot, request.POST if request.method == "POST" else None)
        except NotAmended as error:
            return self._not_done(request, job, str(error), "change")
        except BrokerError as error:
            return self._told(request, error)
        if request.method == "POST" and not form.is_of_what_was_read:
            return self._not_done(request, job, _("it was changed meanwhile"), "amend")
        if request.method == "POST" and form.is_valid() and (done := self._amend(request, job, app, form)):
            return done
        context = {
            "form": form,
            "job": job,
            "back": self.address("change", quote(job.pk)),
            "title": capfirst(_("change %(job)s") % {"job": job}),
        }
        return TemplateResponse(request, "ardiq/amend.html", self.page_context(request, **context))

    def _amend(self, request: HttpRequest, job: Job, app: Ardiq, form: AmendForm) -> HttpResponse | None:
        """Where it leads to; None for the form again, with what is wrong in it."""
        broker, changes = app.broker, form.changes
        try:
            (answer,) = broker.run_sync(broker.amend([form.amendment()])) if changes else [Answer.ALREADY]
            refused = "" if answer in (Answer.DONE, Answer.ALREADY) else self._why_refused(app, job)
        except (ArdiqError, TypeError, ValueError) as error:
            form.add_error(None, str(error))
            return None
        if refused:
            return self._not_done(request, job, refused, "change")
        if changes:
            record(request, "change", [job], note=", ".join(changes))
            messages.success(request, _("Changed: %(what)s") % {"what": job})
        return HttpResponseRedirect(self.address("change", quote(job.pk)))

    def _why_refused(self, app: Ardiq, job: Job) -> str:
        now = app.broker.run_sync(app.broker.get(str(job.job_id)))
        if now is None:
            return _("it is gone")
        if now.state not in TABLE[Verb.AMEND]:
            return _("it is %(state)s") % {"state": LABELS[now.state]}
        return _("it was changed meanwhile")

    def _not_done(self, request: HttpRequest, job: Job, why: str, page: str) -> HttpResponse:
        messages.error(request, _("Not done: %(what)s: %(why)s") % {"what": job, "why": why})
        return HttpResponseRedirect(self.address(page, quote(job.pk)))

    def json_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """What the page shows, as a file."""
        if request.method not in ("GET", "HEAD"):
            return HttpResponseNotAllowed(["GET", "HEAD"])
        try:
            job, app = self._job(request, object_id)
        except BrokerError as error:
            return self._told(request, error)
        response = JsonResponse(
            job_record(self.job_page(request, job, app)), json_dumps_params={"indent": 2, "ensure_ascii": False}
        )
        response["Content-Disposition"] = f'attachment; filename="job-{_file_name(str(job.job_id))}.json"'
        return response

    def _job(self, request: HttpRequest, object_id: str, right: str = "view_job") -> tuple[Job, Ardiq]:
        """A job that this user may see and has this right to; raises `BrokerError` where it cannot be read."""
        if not self.has_view_permission(request) or not self.may(request, right):
            raise PermissionDenied
        job = self.get_object(request, unquote(object_id))
        app = desk_of(request).app(str(job.queue)) if job else None
        if job is None or app is None:
            raise Http404(_("There is no %(name)s “%(key)s”.") % self._words(object_id))
        return job, app

    def _told(self, request: HttpRequest, error: ArdiqError, object_id: str = "") -> HttpResponse:
        messages.error(request, str(error))
        if object_id and not isinstance(error, BrokerError):
            return HttpResponseRedirect(self.address("change", object_id))
        return HttpResponseRedirect(self.address("changelist"))


def _rescheduling(due_ms: int) -> Deed:
    return Deed(
        name="reschedule",
        label="",
        done="",
        right="reschedule_job",
        do=by_verb(lambda broker, ids: broker.reschedule(ids, due_ms), Verb.RESCHEDULE),
    )


def _file_name(job_id: str) -> str:
    return "".join(char if char.isascii() and char.isalnum() else "-" for char in job_id)[:64]
