"""What operators did: in Django's log of the admin, in the log `ardiq.audit`, and told to a signal."""

import json
import logging
from collections.abc import Sequence
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.dispatch import Signal
from django.http import HttpRequest

MOST_EACH = 50  # objects with an entry of their own; an act on more is one entry

audit_log = logging.getLogger("ardiq.audit")
operator_action = Signal()
"""Sent after an act with `user`, `action` (a word such as "retry"), `model` (its name), `objects` (their keys, none for
a large act), `number` and `note`. What a receiver raises is logged and stops nothing."""


def record(
    request: HttpRequest, action: str, objects: Sequence[Model], *, number: int | None = None, note: str = ""
) -> None:
    """Put on record that this user did something to these objects: each has an entry in its history, or one stands for
    all where there are more than 50, or where `number` says that the first of them stands for so many."""
    if not objects:
        return
    number = len(objects) if number is None else number
    message = action if not note else f"{action}: {note}"
    if number == len(objects) <= MOST_EACH:
        LogEntry.objects.log_actions(request.user.pk, objects, CHANGE, message)  # type: ignore[arg-type]
        keys = [str(one.pk) for one in objects]
    else:
        _summary(request, objects[0], f"{message} ({number})")
        keys = []
    _tell(request, action, objects[0], keys, number, note)


def record_all(request: HttpRequest, action: str, model: type[Model], number: int, note: str) -> None:
    """Put on record an act on so many objects of a model, which are told by the note alone."""
    _summary(request, model, f"{action}: {note} ({number})")
    _tell(request, action, model, [], number, note)


def _summary(request: HttpRequest, example: Model | type[Model], message: str) -> None:
    LogEntry.objects.create(
        user_id=request.user.pk or 0,  # nobody without a name comes here
        content_type=ContentType.objects.get_for_model(example, for_concrete_model=False),
        object_repr=str(example._meta.verbose_name_plural)[:200],
        action_flag=CHANGE,
        change_message=message,
    )


def _tell(
    request: HttpRequest, action: str, example: Model | type[Model], keys: list[str], number: int, note: str
) -> None:
    model = str(example._meta.model_name)
    told: dict[str, Any] = {"user": request.user.get_username(), "action": action, "model": model, "number": number}
    audit_log.info("%s", json.dumps(told | {"objects": keys, "note": note}, ensure_ascii=True))
    operator_action.send_robust(
        sender=None, user=request.user, action=action, model=model, objects=keys, number=number, note=note
    )
