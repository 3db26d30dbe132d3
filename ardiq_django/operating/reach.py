"""The queues an operation is about, and whether their brokers can be reached."""

import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections

from ardiq_django import clock
from ardiq_django.ardiq import Ardiq
from ardiq_django.brokers.base import Broker
from ardiq_django.declared import declared_apps, get_app
from ardiq_django.exceptions import BrokerError

WITHIN_S = 3.0
ROUNDS = 4  # the first one connects


@dataclass(frozen=True, slots=True)
class Echo:
    """How a broker answered: its quickest round trip, and how far its clock is ahead of this host's."""

    round_trip_ms: float
    ahead_ms: float


def apps_named(names: Sequence[str]) -> list[Ardiq]:
    """The apps of these queues, or of all declared ones; raises `ConfigError` naming what is declared."""
    return [get_app(name) for name in dict.fromkeys(names)] or declared_apps()


def reached(names: Sequence[str]) -> list[Ardiq]:
    """The same, once each of their brokers has answered."""
    apps = apps_named(names)
    for app in apps:
        try:
            echo(app)
        except BrokerError as error:
            raise BrokerError(f"queue {app.queue_name!r}: {error}") from error
    return apps


def echo(app: Ardiq) -> Echo:
    """Hear the broker; raises `BrokerError` within three seconds whatever the driver's own patience."""
    heard: queue.SimpleQueue[Echo | Exception] = queue.SimpleQueue()
    # in a thread that nobody joins: a driver may wait for minutes, and for no exit
    threading.Thread(target=_listen, args=(app.broker, heard), name="ardiq-echo", daemon=True).start()
    try:
        answer = heard.get(timeout=WITHIN_S)
    except queue.Empty:
        raise BrokerError(f"{app.broker.shown_address} did not answer within {WITHIN_S:.0f} s") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _listen(broker: Broker, heard: "queue.SimpleQueue[Any]") -> None:
    try:
        heard.put(min((_round(broker) for _ in range(ROUNDS)), key=lambda one: one.round_trip_ms))
    except Exception as error:  # told to whoever waits
        heard.put(error)
    finally:
        connections.close_all()


def _round(broker: Broker) -> Echo:
    host_ms, begun_s = clock.now_ms(), time.perf_counter()
    there_ms = broker.run_sync(broker.now_ms())
    round_trip_ms = (time.perf_counter() - begun_s) * 1000
    return Echo(round_trip_ms, there_ms - (host_ms + round_trip_ms / 2))
