"""Arguments and results as they are shown: by name, masked, pretty, and never endless."""

import pprint
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.debug import get_default_exception_reporter_filter

from ardiq_django.ardiq import Ardiq
from ardiq_django.reading import call_of
from ardiq_django.registry import TaskDefinition
from ardiq_django.snapshot import Snapshot

MASK = "••••••"
SHOWN_CHARS = 16_000
HEAD_BYTES = 200
TIDY_BYTES = 100_000  # larger values are not worth the time of laying them out


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument: its name, or its place where the name is not known."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """The arguments of a job; `note` says what is particular about them, `raw` is the beginning of broken bytes."""

    arguments: list[Argument] = field(default_factory=list)
    note: str = ""
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A result: `text`, or why there is none in `note`, or the beginning of broken bytes in `raw`."""

    text: str = ""
    note: str = ""
    raw: str = ""


def call(app: Ardiq, snapshot: Snapshot) -> Call:
    """The arguments of a job, masked where its task or Django's own error pages would mask them."""
    if "undecodable" in snapshot.job.labels and not snapshot.job.call:
        return Call(note=_("The stored job cannot be decoded."), raw=str(snapshot.job.labels["undecodable"]))
    definition = app.registry.tasks.get(snapshot.job.task)
    try:
        args, kwargs = call_of(snapshot, app.decode)
    except (ValueError, TypeError):
        hides = definition is not None and bool(definition.options.sensitive)
        return Call(note=_("The arguments cannot be decoded."), raw="" if hides else head(snapshot.job.call))
    tidy = len(snapshot.job.call) <= TIDY_BYTES
    if definition is None:
        note = _("This task is not declared in this process, so its arguments' names and masks are not known.")
        return Call(_shown(_numbered(args) | kwargs, (), tidy), note)
    return _bound(definition, args, kwargs, tidy)


def _bound(definition: TaskDefinition, args: tuple[Any, ...], kwargs: dict[str, Any], tidy: bool) -> Call:
    masks = definition.options.sensitive
    try:
        arguments = definition.bind(args, kwargs).arguments
    except TypeError:
        # which of them is sensitive cannot be told any more
        places = _numbered((MASK,) * len(args) if masks else args)
        return Call(_shown(places | kwargs, masks, tidy), _("The arguments do not fit the task as it is declared now."))
    named: dict[str, Any] = {}
    for name, value in arguments.items():
        kind = definition.signature.parameters[name].kind
        named |= value if kind is kind.VAR_KEYWORD else {name: value}
    return Call(_shown(named, masks, tidy))


def _numbered(args: tuple[Any, ...]) -> dict[str, Any]:
    return {str(place): value for place, value in enumerate(args)}


def masks_of(names: Collection[str]) -> Callable[[object], bool]:
    """Whether what stands under a name is masked: it is one of these, or one that Django's own error pages mask."""
    hidden = get_default_exception_reporter_filter().hidden_settings
    return lambda name: isinstance(name, str) and (name in names or hidden.search(name) is not None)


def _shown(named: Mapping[str, Any], masks: Collection[str], tidy: bool) -> list[Argument]:
    is_masked = masks_of(masks)
    return [Argument(name, pretty(masked({name: value}, is_masked)[name], tidy)) for name, value in named.items()]


def masked(value: Any, is_masked: Callable[[object], bool]) -> Any:
    """The value with a mask in place of whatever stands under a masked name, at any depth."""
    if isinstance(value, dict):
        return {name: MASK if is_masked(name) else masked(item, is_masked) for name, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(masked(item, is_masked) for item in value)
    return value


def result(app: Ardiq, snapshot: Snapshot) -> Value:
    """The value a succeeded job returned."""
    data = snapshot.end.value if snapshot.end else None
    if data is None:
        return Value(note=_("No result is kept."))
    try:
        return Value(pretty(app.decode(data), len(data) <= TIDY_BYTES))
    except Exception:  # whatever a project's own deserializer raises
        return Value(note=_("The result cannot be decoded."), raw=head(data))


def pretty(value: Any, tidy: bool = True) -> str:
    """A value as Python writes it, cut where it would fill the page."""
    if value is MASK:
        return str(value)
    if isinstance(value, str | bytes):
        return _noted(repr(value[:SHOWN_CHARS]), len(value) - SHOWN_CHARS)
    try:
        text = pprint.pformat(value, width=96, sort_dicts=False) if tidy else repr(value)
    except Exception as error:  # a registered class may have any repr
        return _("(cannot be shown: %s)") % type(error).__name__
    return _noted(text[:SHOWN_CHARS], len(text) - SHOWN_CHARS)


def _noted(text: str, more: int) -> str:
    if more <= 0:
        return text
    return text + "\n" + ngettext("… %(more)d character more", "… %(more)d characters more", more) % {"more": more}


def head(data: bytes) -> str:
    """The beginning of bytes, and how many there are."""
    shown = repr(data[:HEAD_BYTES])
    return shown if len(data) <= HEAD_BYTES else f"{shown} … {len(data):,} B"
