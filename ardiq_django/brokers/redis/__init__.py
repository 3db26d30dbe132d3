"""The broker on Redis (6.2 or later) and Valkey."""

from ardiq_django.brokers.redis.broker import RedisBroker

__all__ = ["RedisBroker"]
