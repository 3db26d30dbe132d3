"""The half of an app that knows what it was told."""

import os
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Unpack

from ardiq_django import codec
from ardiq_django.brokers import check_address
from ardiq_django.clock import new_epoch
from ardiq_django.config import AppOptions
from ardiq_django.keywords import AppKeywords
from ardiq_django.surroundings import around
from ardiq_django.validation import known_keywords


class Configured:
    """Options that `source` gives when they are first needed, and what follows from them alone."""

    def __init__(self, source: Callable[[], Mapping[str, Any]]) -> None:
        self._source = source
        self._options: AppOptions | None = None
        self._overridden: frozenset[str] = frozenset()
        self._lock = threading.RLock()

    @property
    def options(self) -> AppOptions:
        """What this app was told."""
        return self._options or self._read_options()

    def _read_options(self) -> AppOptions:
        with self._lock:
            if self._options is None:
                options = AppOptions(**self._source())
                if options.broker is not None:
                    check_address(options.broker)
                worker_id = options.worker_id or f"{socket.gethostname()}-{os.getpid()}-{new_epoch()[:6]}"
                self._options = replace(options, worker_id=worker_id)
            return self._options

    def is_told(self, option: str) -> bool:
        """Whether this app was told an option, and does not just take its default."""
        return option in self._overridden or option in self._source()

    def reconfigure(self) -> None:
        """Read the options again when they are next needed."""
        with self._lock:
            self._options = None
            self._overridden = frozenset()

    @property
    def address(self) -> str:
        """The broker's address."""
        return self.options.broker or around().default_address()

    @property
    def queue_name(self) -> str:
        return self.options.queue_name

    @property
    def priorities(self) -> list[str]:
        """The lanes, lowest first."""
        return list(self.options.priorities)

    @property
    def default_priority(self) -> str:
        return self.options.lane

    @property
    def worker_id(self) -> str:
        return self.options.worker_id or ""

    @property
    def burst(self) -> bool:
        """Whether `run` returns once nothing is left to do."""
        return self.options.burst

    @burst.setter
    def burst(self, burst: bool) -> None:
        self.override(burst=burst)

    def override(self, **options: Unpack[AppKeywords]) -> None:
        """Change options of this process's app, such as a command's flags; raises as the constructor does."""
        known_keywords(AppOptions, options, "Ardiq")
        self._options = replace(self.options, **options)
        self._overridden |= options.keys()

    def encode(self, value: Any) -> bytes:
        """The serializer's bytes of a value."""
        return (self.options.serializer or codec.encode)(value)

    def decode(self, data: bytes) -> Any:
        """The deserializer's value of bytes."""
        return (self.options.deserializer or codec.decode)(data)
