"""The only reader of Django's settings: what `ARDIQ` says, as options of apps."""

import difflib
import re
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
STATUS_SETTING = "ARDIQ_STATUS_TOKEN"
LEAST_TOKEN = 32  # characters
DEFAULT_ADDRESS = "database://default"
CACHE = "cache://"
_KNOWN = sorted(field.name.upper() for field in fields(AppOptions) if field.name != "queue_name")
_BY_PATH = ("serializer", "deserializer")
_REDIS_CACHES = ("django.core.cache.backends.redis.RedisCache", "django_redis.cache.RedisCache")


def declared() -> Mapping[str, Any]:
    """The setting as it stands, one entry for each queue; without it, one queue on the default database.

    Raises `ConfigError` if it is not a dictionary of dictionaries."""
    value = getattr(settings, SETTING, {"default": {}})
    if not isinstance(value, Mapping) or not all(isinstance(entry, Mapping) for entry in value.values()):
        raise ConfigError(f'{SETTING} is {type(value).__name__}: give {{"default": {{"BROKER": "redis://…"}}}}')
    return value


def options_of(queue: str) -> dict[str, Any]:
    """The options of one declared queue, as keywords of `Ardiq`, with the address of a cache in place of its alias.

    Raises `LookupError` for a queue that is not there, and `ConfigError` for a key or a cache that is not known."""
    options = _written(queue)
    if isinstance(options["broker"], str) and options["broker"].startswith(CACHE):
        options["broker"] = address_of_cache(options["broker"].removeprefix(CACHE).strip("/") or "default")
    return options


def _written(queue: str) -> dict[str, Any]:
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
    """What is wrong with one declared queue, but for its address."""
    try:
        AppOptions(**_written(queue), queue_name=queue)
    except ConfigError as error:
        return error
    except (TypeError, ImproperlyConfigured) as error:
        return ConfigError(str(error))
    return None


def status_token() -> str:
    """What opens the status page to programs; "" without one, or for one that would be too easy to guess."""
    token = getattr(settings, STATUS_SETTING, None)
    return token if isinstance(token, str) and problem_of_token() is None else ""


def problem_of_token() -> ConfigError | None:
    """What is wrong with that token, if there is one; tells nothing of it."""
    token = getattr(settings, STATUS_SETTING, None)
    if token is None or (isinstance(token, str) and re.fullmatch(rf"[!-~]{{{LEAST_TOKEN},}}|", token)):
        return None
    return ConfigError(f"{STATUS_SETTING} is no text of {LEAST_TOKEN} or more visible ASCII characters")


def address_of_cache(alias: str) -> str:
    """The address of the Redis behind an alias of `CACHES`, be it Django's own backend or that of django-redis; of a
    list the first, which takes the writes. Raises `ConfigError` for any other cache."""
    from ardiq_django.brokers.redis.address import filled  # its client is loaded only where it is used

    cache = settings.CACHES.get(alias)
    if cache is None:
        raise ConfigError(f"{CACHE}{alias} names no cache of CACHES; there are: {', '.join(settings.CACHES)}")
    if not _keeps_in_redis(cache.get("BACKEND", "")):
        raise ConfigError(f"{CACHE}{alias} is {cache.get('BACKEND')}, and no cache in Redis")
    options = {**cache.get("OPTIONS", {})}
    if "SENTINELS" in options:
        raise ConfigError(f"{CACHE}{alias} is behind sentinels: write redis+sentinel://host:26379/service/0 yourself")
    options |= options.pop("CONNECTION_POOL_KWARGS", {})
    location = cache.get("LOCATION", "")
    first = re.split("[;,]", location)[0] if isinstance(location, str) else next(iter(location), "")
    return filled(first, {name.lower(): value for name, value in options.items()})


def _keeps_in_redis(backend: str) -> bool:
    try:
        kinds = import_string(backend).__mro__
    except ImportError as error:
        raise ConfigError(f"{backend!r}, a BACKEND of CACHES, cannot be imported: {error}") from error
    return any(f"{kind.__module__}.{kind.__qualname__}" in _REDIS_CACHES for kind in kinds)


def _loaded(key: str, value: Any) -> Any:
    if key == "context" and isinstance(value, list | tuple):
        return [_imported(key, one) for one in value]
    return _imported(key, value) if key in _BY_PATH else value


def _imported(key: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return import_string(value)
    except ImportError as error:
        raise ConfigError(f"{key.upper()}={value!r} cannot be imported: {error}") from error
