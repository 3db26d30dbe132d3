"""How an attempt's end is judged: a pure function of the error, the tries and the task's options."""

import traceback
from dataclasses import dataclass

from ardiq_django.backoff import wait_ms
from ardiq_django.config import TaskOptions
from ardiq_django.exceptions import Reject, Requeue, Retry
from ardiq_django.results import Attempt
from ardiq_django.wire import Aborted, Delivery, Failed, Outcome, Requeued, Retrying

MAX_TRACEBACK = 16_384
MAX_MESSAGE = 2_000


class OwnReason(Exception):
    """An end of our own making: its sentence says all, so neither a `repr` nor a traceback is kept of it."""


class TimedOut(OwnReason):
    """The attempt reached its task's `timeout`."""

    def __init__(self, timeout: float) -> None:
        super().__init__(f"timed out after {timeout}s")


class AbortAsked(OwnReason):
    """The attempt was cancelled because somebody asked for it."""


class Unrunnable(OwnReason):
    """The job cannot be run, or its result not be kept; no retry would help."""


@dataclass(frozen=True, slots=True)
class Span:
    """When and where an attempt ran, what it logged, and which jobs it enqueued."""

    start_ms: int
    finish_ms: int
    worker: str
    logs: str = ""
    children: tuple[str, ...] = ()


def settle(delivery: Delivery, options: TaskOptions, error: BaseException, span: Span, ttl_ms: int) -> Outcome:
    """The outcome of an attempt that raised `error`.

    `Retry` and any error that `retry_on` names and `no_retry_on` does not lead to another attempt while the budget
    lasts; everything else ends the job.
    """
    match error:
        case Requeue():
            return Requeued(delivery, error.delay_ms)
        case AbortAsked():
            return Aborted(delivery, attempt_of(delivery, error, span, "aborted"), "aborted while it ran", ttl_ms)
        case Reject() | Unrunnable():
            return _failed(delivery, error, span, ttl_ms)
    if delivery.tries > options.max_retries or not _asks_for_another(error, options):
        return _failed(delivery, error, span, ttl_ms)
    if isinstance(error, Retry):
        return Retrying(delivery, attempt_of(delivery, error, span, "retry asked"), error.delay_ms or 0)
    delay = _wait_ms(options, delivery.tries, error)
    return Retrying(delivery, attempt_of(delivery, error, span, "failed"), delay)


def attempt_of(delivery: Delivery, error: BaseException, span: Span, event: str) -> Attempt:
    """The record of one attempt that raised."""
    kind = "timed out" if isinstance(error, TimedOut) else event
    name = type(error).__qualname__
    return Attempt(
        delivery.tries, kind, span.start_ms, span.finish_ms, span.worker,
        name, _message_of(error), _traceback_of(error), span.logs, span.children,
    )  # fmt: skip


def reason_of(error: BaseException) -> str:
    """What `TaskResult.value` says of a failure: the error's `repr`, or our own sentence."""
    try:
        return storable((str(error) if isinstance(error, OwnReason) else repr(error))[:MAX_MESSAGE])
    except Exception:
        return f"{type(error).__qualname__} (its repr raises)"


def storable(text: str) -> str:
    """The text with what no store takes escaped: surrogates (undecodable file names are full of them) and NUL."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\x00", "\\x00")


def _failed(delivery: Delivery, error: BaseException, span: Span, ttl_ms: int) -> Failed:
    return Failed(delivery, attempt_of(delivery, error, span, "failed"), reason_of(error), ttl_ms)


def _asks_for_another(error: BaseException, options: TaskOptions) -> bool:
    if isinstance(error, Retry):
        return True
    return isinstance(error, options.retry_on) and not isinstance(error, options.no_retry_on)


def _wait_ms(options: TaskOptions, tries: int, error: BaseException) -> int:
    try:
        return wait_ms(options.backoff_ms, tries, error)
    except Exception as wrong:
        error.add_note(f"backoff_ms could not tell how long to wait, so the default was taken: {wrong!r}")
        return wait_ms(0, tries, error)


def _message_of(error: BaseException) -> str:
    try:
        return storable(str(error)[:MAX_MESSAGE])
    except Exception:
        return "(its text raises)"


def _traceback_of(error: BaseException) -> str:
    if isinstance(error, OwnReason):
        return ""
    try:
        text = "".join(traceback.format_exception(error))
    except Exception:
        return "(the traceback cannot be shown: formatting it raises)"
    # the innermost frames and the error itself stand at the end
    return storable(text if len(text) <= MAX_TRACEBACK else "…\n" + text[-MAX_TRACEBACK:])
