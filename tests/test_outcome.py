"""How the end of an attempt is judged."""

from collections.abc import Callable
from typing import Any

import pytest

from ardiq_django.config import TaskOptions
from ardiq_django.exceptions import Reject, Requeue, Retry
from ardiq_django.outcome import MAX_MESSAGE, MAX_TRACEBACK, AbortAsked, Span, TimedOut, Unrunnable, settle
from ardiq_django.wire import Aborted, Delivery, Failed, Outcome, Requeued, Retrying, StagedJob, pack

SPAN = Span(1_000, 1_250, "worker-1")
TTL_MS = 5_000


def delivery(tries: int = 1) -> Delivery:
    return Delivery(StagedJob(1, "id", "task", "default", b"", 0), claim=1, tries=tries)


def judged(error: BaseException, tries: int = 1, **options: Any) -> Outcome:
    return settle(delivery(tries), TaskOptions(**options), error, SPAN, TTL_MS)


def raised(error: BaseException) -> BaseException:
    """The error with a traceback, as a body leaves it."""
    try:
        raise error
    except BaseException as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "tries", "options", "kind"),
    [
        (ValueError("no"), 1, {}, Retrying),
        (ValueError("no"), 3, {}, Retrying),
        (ValueError("no"), 4, {}, Failed),
        (ValueError("no"), 1, {"max_retries": 0}, Failed),
        (ValueError("no"), 1, {"max_retries": -1}, Failed),
        (ValueError("no"), 1, {"retry_on": (OSError,)}, Failed),
        (ConnectionError("no"), 1, {"retry_on": (OSError,)}, Retrying),
        (ConnectionError("no"), 1, {"retry_on": OSError}, Retrying),
        (ConnectionError("no"), 1, {"no_retry_on": (OSError,)}, Failed),
        (ConnectionError("no"), 1, {"retry_on": (ConnectionError,), "no_retry_on": (OSError,)}, Failed),
        (SystemExit(3), 1, {}, Failed),
        (KeyboardInterrupt(), 1, {}, Failed),
        (SystemExit(3), 1, {"retry_on": (BaseException,)}, Retrying),
        (TimedOut(0.05), 1, {}, Retrying),
        (TimedOut(0.05), 4, {}, Failed),
        (TimedOut(0.05), 1, {"retry_on": (OSError,)}, Failed),
        (Retry("later"), 1, {}, Retrying),
        (Retry("later"), 4, {}, Failed),
        (Retry("later"), 1, {"retry_on": (), "no_retry_on": (Exception,)}, Retrying),
        (Requeue(), 1, {"max_retries": 0}, Requeued),
        (Requeue(), 99, {}, Requeued),
        (Reject("bad"), 1, {"retry_on": (Exception,)}, Failed),
        (Unrunnable("cannot be decoded"), 1, {}, Failed),
        (AbortAsked("asked"), 1, {}, Aborted),
    ],
)
def test_an_error_ends_the_attempt_by_the_policy_of_its_task(
    error: BaseException, tries: int, options: dict[str, Any], kind: type
) -> None:
    assert type(judged(error, tries, **options)) is kind


@pytest.mark.parametrize(
    ("error", "options", "delay"),
    [
        (Retry("later"), {"backoff_ms": 9_000}, 0),
        (Retry("later", delay_ms=70), {"backoff_ms": 9_000}, 70),
        (Retry("later", delay_ms=0), {}, 0),
        (Requeue(250), {}, 250),
        (Requeue(), {}, 0),
        (ValueError(), {"backoff_ms": [5, 6]}, 6),
    ],
)
def test_the_next_attempt_waits_as_was_asked(error: BaseException, options: dict[str, Any], delay: int) -> None:
    outcome = judged(error, tries=2, **options)

    assert isinstance(outcome, Retrying | Requeued)
    assert outcome.delay_ms == delay


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError("no"), "ValueError('no')"),
        (Reject("bad data"), "Reject('bad data')"),
        (TimedOut(0.05), "timed out after 0.05s"),
        (TimedOut(30), "timed out after 30s"),
        (TimeoutError("upstream is slow"), "TimeoutError('upstream is slow')"),
        (Unrunnable("no such thing"), "no such thing"),
    ],
)
def test_the_reason_is_the_errors_repr_or_our_own_sentence(error: BaseException, reason: str) -> None:
    outcome = judged(error, tries=9)

    assert isinstance(outcome, Failed)
    assert (outcome.reason, outcome.ttl_ms) == (reason, TTL_MS)


@pytest.mark.parametrize(
    ("error", "event"),
    [
        (ValueError("no"), "failed"),
        (TimedOut(1), "timed out"),
        (Retry("later"), "retry asked"),
        (AbortAsked("x"), "aborted"),
    ],
)
def test_the_attempt_is_recorded_with_when_where_and_why(error: BaseException, event: str) -> None:
    outcome = judged(raised(error))

    assert isinstance(outcome, Retrying | Failed | Aborted)
    attempt = outcome.attempt
    assert (attempt.number, attempt.event, attempt.worker) == (1, event, "worker-1")
    assert (attempt.start_ms, attempt.finish_ms, attempt.duration_ms) == (1_000, 1_250, 250)
    assert (attempt.error_type, attempt.message) == (type(error).__qualname__, str(error))


def test_the_traceback_is_kept_and_its_end_survives_the_cap() -> None:
    def deep(level: int) -> None:
        if not level:
            raise ValueError("x" * MAX_TRACEBACK + "the end")
        deep(level - 1)

    with pytest.raises(ValueError, match="the end") as caught:
        deep(3)
    outcome = judged(caught.value)

    assert isinstance(outcome, Retrying)
    assert len(outcome.attempt.traceback) <= MAX_TRACEBACK + 2
    assert outcome.attempt.traceback.rstrip().endswith("the end")
    assert len(outcome.attempt.message) == MAX_MESSAGE


def test_an_end_of_our_own_keeps_no_traceback() -> None:
    outcome = judged(raised(TimedOut(1)))

    assert isinstance(outcome, Retrying)
    assert outcome.attempt.traceback == ""


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

    __repr__ = __str__


def test_an_error_that_cannot_be_shown_is_still_an_outcome() -> None:
    outcome = judged(raised(Mute()), tries=9)

    assert isinstance(outcome, Failed)
    assert outcome.reason == "Mute (its repr raises)"
    assert outcome.attempt.message == "(its text raises)"
    assert "Mute" in outcome.attempt.traceback


@pytest.mark.parametrize("text", ["caf\udce9.txt", "a\x00b"])
def test_text_that_no_store_takes_is_escaped(text: str) -> None:
    outcome = judged(raised(FileNotFoundError(text)), tries=9)

    assert isinstance(outcome, Failed)
    attempt = outcome.attempt
    for kept in (outcome.reason, attempt.message, attempt.traceback):
        assert "\x00" not in kept
        assert kept.encode()
    assert pack(attempt)


def _broken(tries: int, error: BaseException) -> int:
    raise LookupError("no such wait")


@pytest.mark.parametrize("backoff", [_broken, lambda tries, error: None, lambda tries, error: float("inf")])
def test_a_backoff_that_cannot_tell_leaves_the_default_wait(backoff: Callable[[int, BaseException], Any]) -> None:
    outcome = judged(raised(ValueError("no")), tries=2, backoff_ms=backoff)

    assert isinstance(outcome, Retrying)
    assert 4_000 <= outcome.delay_ms <= 4_400
    assert "backoff_ms" in outcome.attempt.traceback


@pytest.mark.parametrize("ask", [Retry("x", delay_ms=1.7), Requeue(1.7)])
def test_a_delay_is_kept_in_whole_milliseconds(ask: Retry | Requeue) -> None:
    assert ask.delay_ms == 1
    assert type(ask.delay_ms) is int


def test_a_delay_that_lies_in_the_past_means_now() -> None:
    assert Retry(delay_ms=-1).delay_ms == 0
    assert Requeue(-1).delay_ms == 0


@pytest.mark.parametrize("ask", [lambda late: Retry("x", delay_ms=late), lambda late: Requeue(late)])
def test_a_delay_that_is_no_number_is_refused_where_it_is_written(ask: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match="delay_ms='soon': give a number of milliseconds"):
        ask("soon")
