"""The form of a call that is kept somewhere: what it has is shown, and stays unless another is typed."""

import inspect
import json
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.call_form import ArgumentField, ArgumentsForm
from ardiq_django.dashboard.jobs.payload import masked, masks_of
from ardiq_django.registry import TaskDefinition

LONGEST_BYTES = 16_000
MOST_ROWS = 12  # of one argument; its reader may draw it larger


class KeptArgumentsForm(ArgumentsForm):
    """The arguments that a stored call has. One that is masked, or that is no JSON, is not shown and stays."""

    def __init__(self, definition: TaskDefinition, kept: Mapping[str, Any], data: Any = None) -> None:
        super().__init__(definition, data)
        self._kept = kept
        is_masked = masks_of(definition.options.sensitive)
        for name, value in kept.items():
            field = self.fields[name]
            text = None if masked({name: value}, is_masked) != {name: value} else _text(field, value)
            field.initial = text
            field.required = bool(text and field.required)
            if text:
                field.widget.attrs["rows"] = min(MOST_ROWS, 1 + text.count("\n") + len(text) // 100)
            if text is None:
                kept_word = str(_("Not shown; leave it empty to keep it."))
                field.help_text = f"{field.help_text} · {kept_word}" if field.help_text else kept_word

    @property
    def typed(self) -> list[str]:
        """The arguments that are to be others than they are."""
        return [name for name in self.fields if isinstance(self.fields[name], ArgumentField) and self._is_typed(name)]

    def _is_typed(self, name: str) -> bool:
        return _lines(self.data.get(name, "")) != _lines(self.fields[name].initial or "")

    def call(self) -> inspect.BoundArguments:
        typed, call = self.typed, self._typed_call()
        # what was not touched stays as it is, also where JSON or a browser could not give it back
        call.arguments.update({name: value for name, value in self._kept.items() if name not in typed})
        if any(call.signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL for name in call.arguments):
            call.apply_defaults()
        return call

    def _typed_call(self) -> inspect.BoundArguments:
        for name in self.typed:
            value, old = self.cleaned_data[name], self._kept.get(name)
            if isinstance(value, str) and not (isinstance(old, str) and "\r" in old):
                self.cleaned_data[name] = _lines(value)
        return super().call()


def _lines(text: str) -> str:
    """The text with its line ends as they were before a browser sent it."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _text(field: Any, value: Any) -> str | None:
    """The value as it would be typed; None if typing that would make another one, or cannot be done."""
    is_text = isinstance(field, ArgumentField) and field.is_text
    try:
        text = value if is_text else json.dumps(_listed(value), ensure_ascii=False)
        is_same = isinstance(text, str) and (is_text or json.loads(text) == _listed(value))
        return text if is_same and "\0" not in text and len(text.encode()) <= LONGEST_BYTES else None
    except (TypeError, ValueError, RecursionError):
        return None


def _listed(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
