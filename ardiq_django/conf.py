"""The only reader of Django's settings: what `ARDIQ` says, as options of apps."""

import difflib
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from ardiq_django.config import AppOptions
from ardiq_django.exceptions import ConfigError
from ardiq_django.validation import check_name

SETTING = "ARDIQ"
DEFAULT_ADDRESS = "database://default"
_KNOWN = sorted(field.name.upper() for field in fields(AppOptions) if field.name != "queue_name")
_BY_PATH = ("serializer", "deserializer")


def declared() -> Mapping[str, Any]:
    """The setting as it stands, one entry for each queue; without it, one queue on the default database.

    Raises `ConfigError` if it is not a dictionary of dictionaries."""
    value = getattr(settings, SETTING, {"default": {}})
    if not isinstance(value, Mapping) or not all(isinstance(entry, Mapping) for entry in value.values()):
        raise ConfigError(f'{SETTING} is {type(value).__name__}: give {{"default": {{"BROKER": "redis://…"}}}}')
    return value


def options_of(queue: str) -> dict[str, Any]:
    """The options of one declared queue, as keywords of `Ardiq`; raises `LookupError` for a queue that is not there
    and `ConfigError` for a key that is not known."""
    queues = declared()
    if queue not in queues:
        raise LookupError(f"queue {queue!r} is not declared in the setting {SETTING}; declared: {', '.join(queues)}")
    check_name(f"{SETTING} key", queue)
    given = dict(queues[queue])
    if given.get("BROKER") is None:
        given["BROKER"] = DEFAULT_ADDRESS
    for key in given:
        if key not in _KNOWN:
            near = difflib.get_close_matches(str(key).upper(), _KNOWN, 1)
            meant = f" Did you mean {near[0]!r}?" if near else f" Known: {', '.join(_KNOWN)}."
            raise ConfigError(f"{SETTING}[{queue!r}] has no option {key!r}.{meant}")
    return {key.lower(): _loaded(key.lower(), value) for key, value in given.items()}


def problem_of(queue: str) -> ConfigError | None:
    """What is wrong with one declared queue."""
    try:
        AppOptions(**options_of(queue), queue_name=queue)
    except ConfigError as error:
        return error
    except (TypeError, ImproperlyConfigured) as error:
        return ConfigError(str(error))
    return None


def _loaded(key: str, value: Any) -> Any:
    if key not in _BY_PATH or not isinstance(value, str):
        return value
    try:
        return import_string(value)
    except ImportError as error:
        raise ConfigError(f"{key.upper()}={value!r} cannot be imported: {error}") from error
