"""Marks on the charts of the admin: what happened to the project at that moment, such as a deployment."""

from collections.abc import Iterator
from typing import Any

from django.core.management.base import CommandError
from django.db import Error, router

from ardiq_django.clock import now_ms
from ardiq_django.exceptions import ConfigError
from ardiq_django.models.mark import LABEL_LENGTH, Mark
from ardiq_django.operating.report import Report
from ardiq_django.operating.sheet import Sheet, iso, plain, when


class Marked(Report):
    """The mark that was made."""

    def __init__(self, mark: Mark) -> None:
        self.mark = mark

    def document(self) -> dict[str, Any]:
        return {"label": self.mark.label, "at": iso(self.mark.at_ms)}

    def lines(self, sheet: Sheet) -> Iterator[str]:
        yield f"marked {plain(self.mark.label)} at {when(self.mark.at_ms)}"


def mark(label: str) -> Marked:
    """Mark this moment, by this host's clock; raises `ConfigError` for a label that is none, and
    `CommandError` where the database does not keep it."""
    told = " ".join(label.split())
    if not told or len(told) > LABEL_LENGTH or not told.isprintable():
        raise ConfigError(f"label {label[:LABEL_LENGTH]!r}: give a text of 1 to {LABEL_LENGTH} characters, on one line")
    try:
        return Marked(Mark.objects.put(told, now_ms()))
    except Error as error:
        alias = router.db_for_write(Mark)
        advice = f"; its table is made by `manage.py migrate --database={alias}`" if "ardiq_mark" in str(error) else ""
        raise CommandError(f"the mark cannot be kept: {error}{advice}") from error
