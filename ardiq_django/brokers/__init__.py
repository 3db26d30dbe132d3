"""The keepers of jobs, and the one place that knows which address means which broker."""

import difflib
from collections.abc import Callable
from importlib import import_module

from ardiq_django.brokers.base import Broker, QueueRules
from ardiq_django.exceptions import ConfigError
from ardiq_django.validation import masked

__all__ = ["Broker", "QueueRules", "check_address", "keeper"]

_REDIS = "ardiq_django.brokers.redis:RedisBroker"
_KEEPERS = {
    "database": "ardiq_django.brokers.database:DatabaseBroker",
    "redis": _REDIS,
    "rediss": _REDIS,
    "unix": _REDIS,
    "redis+sentinel": _REDIS,
    "rediss+sentinel": _REDIS,
    "redis+cluster": _REDIS,
    "rediss+cluster": _REDIS,
    "memory": "ardiq_django.brokers.memory:MemoryBroker",
}


def check_address(address: str) -> str:
    """The scheme of a broker address; raises `ConfigError` naming the known ones for any other text, and for one that
    is wrong in itself."""
    scheme, mark, _ = address.partition("://")
    if scheme == "cache":
        raise ConfigError(f"broker address {address!r}: only the setting ARDIQ may name a cache; give its address here")
    if not mark or scheme not in _KEEPERS:
        near = difflib.get_close_matches(scheme, _KEEPERS, 1)
        meant = f" Did you mean {near[0]}://?" if near else ""
        raise ConfigError(f"broker address {masked(address)!r} is not known.{meant} Known: {', '.join(_KEEPERS)}")
    if _KEEPERS[scheme] == _REDIS:
        from ardiq_django.brokers.redis.address import parse  # its client is loaded only where it is used

        parse(address)
    return scheme


def keeper(address: str) -> Callable[[str, QueueRules], Broker]:
    """The broker class for an address; raises `ConfigError` as `check_address` does."""
    module, _, name = _KEEPERS[check_address(address)].partition(":")
    found: Callable[[str, QueueRules], Broker] = getattr(import_module(module), name)
    return found
