"""Outcomes as a worker would report them, with what a test leaves unsaid filled in."""

from ardiq_django.clock import now_ms
from ardiq_django.results import Attempt
from ardiq_django.wire import Aborted, Delivery, Failed, Released, Requeued, Retrying, Succeeded

TTL_MS = 300_000
RAN_MS = 5  # how long an attempt took


def success(
    delivery: Delivery, value: bytes | None = b"\xa2ok", ttl_ms: int = TTL_MS, finish_ms: int | None = None
) -> Succeeded:
    finish = now_ms() if finish_ms is None else finish_ms
    return Succeeded(delivery, finish - RAN_MS, finish, value, ttl_ms)


def failure(
    delivery: Delivery, reason: str = "ValueError('no')", ttl_ms: int = TTL_MS, finish_ms: int | None = None
) -> Failed:
    return Failed(delivery, attempt(delivery, "failed", finish_ms), reason, ttl_ms)


def cancelled(
    delivery: Delivery, reason: str = "aborted", ttl_ms: int = TTL_MS, finish_ms: int | None = None
) -> Aborted:
    return Aborted(delivery, attempt(delivery, "aborted", finish_ms), reason, ttl_ms)


def retrying(delivery: Delivery, delay_ms: int = 0) -> Retrying:
    return Retrying(delivery, attempt(delivery, "retry asked"), delay_ms)


def requeued(delivery: Delivery, delay_ms: int = 0) -> Requeued:
    return Requeued(delivery, delay_ms)


def released(delivery: Delivery) -> Released:
    return Released(delivery)


def attempt(delivery: Delivery, event: str = "failed", finish_ms: int | None = None) -> Attempt:
    """The attempt in hand, as it is kept when it did not succeed."""
    finish = now_ms() if finish_ms is None else finish_ms
    start = finish - RAN_MS
    return Attempt(delivery.tries, event, start, finish, "a", "ValueError", "no", "Traceback: no", "log: no")
