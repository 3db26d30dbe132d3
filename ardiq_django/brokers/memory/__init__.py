"""The memory broker: dicts in one process, and the readable reference of what every broker does."""

from ardiq_django.brokers.memory.broker import MemoryBroker

__all__ = ["MemoryBroker"]
