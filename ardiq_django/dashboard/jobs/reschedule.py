"""The form by which a waiting job is given another time."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from ardiq_django.clock import LATEST_MS

MOST_SECONDS = 10 * 366 * 86_400


class RescheduleForm(forms.Form):
    """A moment in the current time zone, or so many seconds from now."""

    at = forms.DateTimeField(
        label=_("At"), required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local", "step": "1"})
    )
    seconds = forms.IntegerField(label=_("or in seconds"), required=False, min_value=0, max_value=MOST_SECONDS)

    def __init__(self, now_ms: int, data: Any = None) -> None:
        super().__init__(data)
        self._now_ms = now_ms  # by the broker's clock, which decides
        self.fields["at"].help_text = _("In the time zone %(zone)s.") % {"zone": timezone.get_current_timezone_name()}

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = super().clean() or self.cleaned_data
        at, seconds = said.get("at"), said.get("seconds")
        if not self.errors and (at is None) == (seconds is None):
            raise ValidationError(_("Give either a moment or a number of seconds."))
        if at is not None and not self._now_ms < _ms(at) <= LATEST_MS:
            self.add_error("at", _("This is over, or no time that a job could wait for."))
        return said

    @property
    def due_ms(self) -> int:
        """The moment that a valid form says, by the broker's clock."""
        at: datetime | None = self.cleaned_data["at"]
        return self._now_ms + self.cleaned_data["seconds"] * 1000 if at is None else _ms(at)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
