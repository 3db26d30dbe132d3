"""The form of one schedule that is kept in the broker: when it fires, and in which lane."""

import inspect
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from django import forms
from django.conf import settings
from django.utils import timezone as clock
from django.utils.translation import gettext_lazy as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.clock import new_id
from ardiq_django.config import CallOptions
from ardiq_django.dashboard.call_form import OPTIONS
from ardiq_django.dashboard.moments import SECOND, moment
from ardiq_django.exceptions import ConfigError
from ardiq_django.handles import Task
from ardiq_django.plan import Plan, PlanOptions, When
from ardiq_django.planner import Schedule
from ardiq_django.producer import Call
from ardiq_django.registry import TaskDefinition
from ardiq_django.schedule import Misfire, Timetable

KINDS = (("cron", _("cron expression")), ("interval", _("interval")), ("time", _("once")))
FIELD_OF = {"cron": "spec", "interval": "every", "time": "at"}
ISO = "%Y-%m-%dT%H:%M:%S"


class TimingForm(forms.Form):
    """When a schedule fires, and what happens to the times that passed."""

    kind = forms.ChoiceField(label=_("fires by"), choices=KINDS, widget=forms.RadioSelect, initial="cron")
    spec = forms.CharField(
        label=_("cron expression"), max_length=200, required=False, help_text=_("Five fields: “0 3 * * 1”.")
    )
    timezone = forms.CharField(
        label=_("time zone"), max_length=64, required=False, help_text=_("Of the cron expression: “Europe/Vienna”.")
    )
    every = forms.FloatField(label=_("every"), required=False, help_text=_("Seconds."))
    at = forms.DateTimeField(
        label=_("once at"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"}, format=ISO),
    )
    misfire = forms.ChoiceField(
        label=_("missed times"),
        choices=(
            (Misfire.SKIP.value, _("are skipped")),
            (Misfire.ONCE.value, _("are made up for once")),
            (Misfire.ALL.value, _("are all made up for")),
        ),
        help_text=_("Those that passed while no worker ran."),
    )
    coalesce = forms.BooleanField(
        label=_("coalesce"), required=False, help_text=_("No job while the last one is on its way.")
    )
    lane = forms.ChoiceField(label=_("lane"))

    when: When
    options: PlanOptions

    def __init__(self, app: Ardiq, plan: Plan | None = None, data: Any = None) -> None:
        initial = _initial(plan) if plan else {"timezone": settings.TIME_ZONE, "misfire": Misfire.SKIP.value}
        super().__init__(data, prefix=OPTIONS.rstrip("-"), initial=initial)
        self._app = app
        self._plan = plan
        lane: Any = self.fields["lane"]
        known = list(dict.fromkeys([*app.priorities, *([plan.job.lane] if plan else ())]))
        lane.choices, lane.initial = [(one, one) for one in known], plan.job.lane if plan else app.options.lane
        if plan is None:
            self.fields["schedule_id"] = forms.CharField(
                label=_("schedule id"), max_length=150, required=False, help_text=_("Leave it empty for a fresh one.")
            )

    def clean_timezone(self) -> str:
        name: str = self.cleaned_data["timezone"]
        try:
            ZoneInfo(name or "UTC")
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise forms.ValidationError(_("This is no time zone that is known here.")) from None
        return name

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        kind = given.get("kind", "")
        field = FIELD_OF.get(kind, "")
        if not field or field not in given:
            return given  # that is told already
        if given[field] in ("", None):
            self.add_error(field, _("This field is required."))
            return given
        try:
            self.options = self._options(given)
            self.when = getattr(When, {"time": "once"}.get(kind, kind))(self._said(given), self.options)
        except (ConfigError, OverflowError) as error:
            self.add_error(field, str(error))
        return given

    def _options(self, given: dict[str, Any]) -> PlanOptions:
        kind, own = given["kind"], given.get("schedule_id") or None
        if kind == "time":
            return PlanOptions(schedule_id=own)
        zone = (given.get("timezone") or "UTC") if kind == "cron" else None
        return PlanOptions(
            schedule_id=own, timezone=zone, misfire=given.get("misfire"), coalesce=given.get("coalesce") or False
        )

    def _said(self, given: dict[str, Any]) -> Any:
        said = given[FIELD_OF[given["kind"]]]
        if given["kind"] != "time":
            return said
        at = clock.make_aware(said) if clock.is_naive(said) else said
        is_kept = self._plan is not None and self._plan.at_ms // SECOND == int(at.timestamp())
        if at <= clock.now() and not is_kept:
            raise ConfigError(str(_("This time is over.")))
        return at

    def change(self, plan: Plan, call: inspect.BoundArguments | None) -> Plan:
        """The plan as it is to be now; raises what enqueuing such a call raises."""
        table, options, job = self.when.table or Timetable(), self.options, plan.job
        if call is not None:
            definition = self._app.registry.tasks[job.task]
            staged = self._app.producer.stage(Call(job.task, definition, call.args, call.kwargs, CallOptions()))
            job = msgspec.structs.replace(job, call=staged.call)
        return msgspec.structs.replace(
            plan,
            token=new_id(),
            job=msgspec.structs.replace(job, lane=self.cleaned_data["lane"]),
            spec=table.spec,
            every_ms=table.every_ms,
            at_ms=self.when.at_ms,
            timezone=table.timezone,
            misfire=options.misfire or Misfire.SKIP.value,
            coalesce=options.coalesce,
        )

    def add(self, definition: TaskDefinition, call: inspect.BoundArguments) -> Schedule:
        """Plan a new one; raises what planning it anywhere raises."""
        given: dict[str, Any] = {
            "priority": self.cleaned_data["lane"],
            "schedule_id": self.options.schedule_id,
            "timezone": self.options.timezone,
            "misfire": self.options.misfire,
            "coalesce": self.options.coalesce,
            "enqueue_on_commit": "never",
        }
        task: Task[..., Any] = Task(self._app, definition.name, definition)
        bound = task.options(**{name: value for name, value in given.items() if value})
        plan = getattr(bound, f"schedule_by_{self.cleaned_data['kind']}_sync")
        planned: Schedule = plan(self._said(self.cleaned_data), *call.args, **call.kwargs)
        return planned


def _initial(plan: Plan) -> dict[str, Any]:
    at = moment(plan.at_ms)
    return {
        "kind": plan.kind,
        "spec": plan.spec,
        "timezone": plan.timezone if plan.spec else settings.TIME_ZONE,
        "every": plan.every_ms / SECOND if plan.every_ms else None,
        "at": clock.make_naive(at) if at and clock.is_aware(at) else at,
        "misfire": plan.misfire,
        "coalesce": plan.coalesce,
    }
