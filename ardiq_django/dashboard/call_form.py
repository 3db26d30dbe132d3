"""A form for one call of a task, made from its signature."""

import inspect
import json
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from ardiq_django.ardiq import Ardiq
from ardiq_django.handles import Job
from ardiq_django.handles import Task as TaskHandle
from ardiq_django.registry import TaskDefinition

OPTIONS = "option-"  # before the names of what is no argument
KINDS = inspect.Parameter


class ArgumentField(forms.CharField):
    """One argument as JSON; where the signature says `str`, as it is typed."""

    def __init__(self, parameter: inspect.Parameter, is_sensitive: bool) -> None:
        self.is_text = parameter.annotation in (str, "str")
        super().__init__(
            label=f"{_STARS.get(parameter.kind, '')}{parameter.name}",
            required=parameter.default is parameter.empty and parameter.kind not in _STARS,
            help_text=_help(parameter, is_sensitive),
            widget=forms.Textarea(attrs={"rows": 1, "class": "vLargeTextField", "spellcheck": "false"}),
            strip=not self.is_text,
        )

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text or self.is_text:
            return text
        try:
            return json.loads(text)
        except ValueError as error:
            raise forms.ValidationError(_("This is not JSON: %(error)s"), params={"error": error}) from None


class ArgumentsForm(forms.Form):
    """The arguments of a task."""

    def __init__(self, definition: TaskDefinition, data: Any = None) -> None:
        super().__init__(data)
        self._definition = definition
        self._arguments = list(definition.signature.parameters.values())
        for parameter in self._arguments:
            self.fields[parameter.name] = ArgumentField(parameter, parameter.name in definition.options.sensitive)

    def call(self) -> inspect.BoundArguments:
        """What was typed, bound; raises `TypeError` where that cannot be."""
        call = inspect.BoundArguments(self._definition.signature, {})
        for parameter in self._arguments:
            value = self.cleaned_data[parameter.name]
            if value == "" and not self.fields[parameter.name].required:
                continue
            if parameter.kind in _STARS:
                value = self._many(value, tuple if parameter.kind is KINDS.VAR_POSITIONAL else dict)
            call.arguments[parameter.name] = value
            if parameter.kind is KINDS.VAR_POSITIONAL:
                call.apply_defaults()  # what stands before them has to be positional
        return call

    def _many(self, value: Any, kind: type) -> Any:
        wanted = list if kind is tuple else kind
        if not isinstance(value, wanted):
            raise TypeError(_("%(kind)s is wanted, not %(value)r") % {"kind": wanted.__name__, "value": value})
        return kind(value)


class CallForm(ArgumentsForm):
    """The arguments of a task, then when and in which lane its job is to run."""

    def __init__(self, app: Ardiq, definition: TaskDefinition, data: Any = None) -> None:
        super().__init__(definition, data)
        self._app = app
        lanes = [("", _("as declared")), *((lane, lane) for lane in app.priorities)]
        self.fields[f"{OPTIONS}lane"] = forms.ChoiceField(label=_("lane"), choices=lanes, required=False)
        self.fields[f"{OPTIONS}delay"] = forms.FloatField(
            label=_("delay"), min_value=0, required=False, help_text=_("Seconds from now.")
        )
        self.fields[f"{OPTIONS}id"] = forms.CharField(
            label=_("job id"), max_length=200, required=False, help_text=_("Leave it empty for a fresh one.")
        )

    def enqueue(self) -> Job[Any]:
        """Enqueue the call; raises what enqueuing it anywhere raises."""
        call = self.call()
        given: dict[str, Any] = {
            "priority": self.cleaned_data[f"{OPTIONS}lane"] or None,
            "delay_ms": round((self.cleaned_data[f"{OPTIONS}delay"] or 0) * 1000),
            "task_id": self.cleaned_data[f"{OPTIONS}id"] or None,
            "enqueue_on_commit": "never",  # who enqueues by hand wants to see the job at once
        }
        task: TaskHandle[..., Any] = TaskHandle(self._app, self._definition.name, self._definition)
        job: Job[Any] = task.options(**{name: value for name, value in given.items() if value}).enqueue_sync(
            *call.args, **call.kwargs
        )
        return job


_STARS: dict[Any, str] = {KINDS.VAR_POSITIONAL: "*", KINDS.VAR_KEYWORD: "**"}


def _help(parameter: inspect.Parameter, is_sensitive: bool) -> str:
    parts = []
    if parameter.annotation is not parameter.empty:
        parts.append(inspect.formatannotation(parameter.annotation))
    if parameter.default is not parameter.empty and not is_sensitive:
        parts.append(f"= {parameter.default!r}"[:200])
    return " ".join(parts)
