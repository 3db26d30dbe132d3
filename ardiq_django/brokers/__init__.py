"""The keepers of jobs, and the one place that knows which address means which broker."""

import difflib
from collections.abc import Callable
from importlib import import_module

from ardiq_django.brokers.base import Broker, QueueRules
from ardiq_django.exceptions import ConfigError

__all__ = ["Broker", "QueueRules", "check_address", "keeper"]

_KEEPERS = {
    "database": "ardiq_django.brokers.database:DatabaseBroker",
    "redis": "ardiq_django.brokers.redis:RedisBroker",
    "rediss": "ardiq_django.brokers.redis:RedisBroker",
    "unix": "ardiq_django.brokers.redis:RedisBroker",
    "memory": "ardiq_django.brokers.memory:MemoryBroker",
}


def check_address(address: str) -> str:
    """The scheme of a broker address; raises `ConfigError` naming the known ones for any other text."""
    scheme, mark, _ = address.partition("://")
    if not mark or scheme not in _KEEPERS:
        near = difflib.get_close_matches(scheme, _KEEPERS, 1)
        meant = f" Did you mean {near[0]}://?" if near else ""
        raise ConfigError(f"broker address {address!r} is not known.{meant} Known: {', '.join(_KEEPERS)}")
    return scheme


def keeper(address: str) -> Callable[[str, QueueRules], Broker]:
    """The broker class for an address; raises `ConfigError` as `check_address` does."""
    module, _, name = _KEEPERS[check_address(address)].partition(":")
    found: Callable[[str, QueueRules], Broker] = getattr(import_module(module), name)
    return found
