"""Options: their defaults, and a clear word about every wrong one, at the place where it was written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from ardiq_django.backoff import Backoff
from ardiq_django.clock import LONGEST_MS
from ardiq_django.exceptions import ConfigError
from ardiq_django.provider import ContextProvider, check_provider
from ardiq_django.results import State
from ardiq_django.validation import (
    check_backoff,
    check_choice,
    check_errors,
    check_flag,
    check_function,
    check_id,
    check_labels,
    check_mapping,
    check_name,
    check_names,
    check_number,
    check_text,
    check_title,
    check_wait,
    known_keywords,
)

DAY_MS = 86_400_000
LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")


@dataclass(frozen=True, slots=True)
class QueueRules:
    """What a broker must know of the queue it keeps."""

    queue: str = "default"
    lanes: Sequence[str] = ("default",)  # lowest first
    lease_ms: int = 60_000
    max_crashes: int = 3
    result_ttl_ms: int = 300_000  # of ends that no worker writes: expired, aborted while waiting, crashed too often
    succeeded_ttl_ms: int = 7 * DAY_MS
    succeeded_max: int = 10_000
    failed_ttl_ms: int = 30 * DAY_MS  # failed, aborted and expired
    failed_max: int = 100_000
    max_queue: int = 0  # how many may wait before enqueue refuses; 0 for any number

    def kept_ms(self, state: State) -> int:
        return self.succeeded_ttl_ms if state is State.SUCCEEDED else self.failed_ttl_ms

    def kept_max(self, state: State) -> int:
        return self.succeeded_max if state is State.SUCCEEDED else self.failed_max


@dataclass(frozen=True, slots=True, kw_only=True)
class AppOptions:
    """Everything an app can be told; each is a keyword of `Ardiq` and, in capitals, a key of the setting `ARDIQ`."""

    broker: str | None = None
    queue_name: str = "default"
    priorities: Sequence[str] = ("default",)
    default_priority: str | None = None
    weights: Mapping[str, int] | None = None
    limits: Mapping[str, int] | None = None
    concurrency: int = 16
    prefetch: int | None = None  # of Ardiq; a worker of ours holds nothing beyond its slots
    idle_timeout_ms: int = 60_000
    poll_block_ms: int = 500
    result_ttl_ms: int = 300_000
    history_ttl_ms: Mapping[str, int] = field(default_factory=dict)  # of "succeeded" and "failed" jobs
    history_max: Mapping[str, int] = field(default_factory=dict)
    receipt_ttl_ms: int | None = None  # of `once()`; None for twice as long as failed jobs, at least 30 days
    cron_poll_s: float = 1.0
    burst: bool = False
    serializer: Callable[[Any], bytes] | None = None
    deserializer: Callable[[bytes], Any] | None = None
    worker_id: str | None = None
    shutdown_timeout_s: float = 25
    max_payload_bytes: int = 1_048_576
    max_queue: int | None = None
    max_crashes: int = 3
    unknown_task_grace_s: float = 3600
    enqueue_on_commit: str = "auto"
    capture_logs: str | None = "INFO"
    context: Sequence[ContextProvider] = ()
    task_names: str = "name"

    def __post_init__(self) -> None:
        check_name("queue_name", self.queue_name)
        check_text("broker", self.broker, "an address, such as redis://localhost:6379/0")
        if self.worker_id is not None:
            check_title("worker_id", self.worker_id)
        _check_lanes(self)
        _check_numbers(self)
        check_flag("burst", self.burst)
        if self.prefetch:
            raise ConfigError(f"prefetch={self.prefetch!r}: a worker holds nothing beyond its slots; raise concurrency")
        check_choice("enqueue_on_commit", self.enqueue_on_commit, ("auto", "never"))
        check_choice("task_names", self.task_names, ("name", "module"))
        check_choice("capture_logs", self.capture_logs or "", (*LOG_LEVELS, ""))
        _check_context(self.context)
        for name in ("serializer", "deserializer"):
            check_function(name, getattr(self, name))
        if (self.serializer is None) != (self.deserializer is None):
            raise ConfigError("serializer and deserializer belong together: give both or neither")

    @property
    def lane(self) -> str:
        """The lane of a call that names none."""
        return self.default_priority or self.priorities[len(self.priorities) // 2]

    @property
    def rules(self) -> QueueRules:
        """What the broker must know of these options."""
        history = {f"{end}_ttl_ms": value for end, value in self.history_ttl_ms.items()}
        history |= {f"{end}_max": value for end, value in self.history_max.items()}
        return QueueRules(
            queue=self.queue_name,
            lanes=tuple(self.priorities),
            lease_ms=self.idle_timeout_ms,
            max_crashes=self.max_crashes,
            result_ttl_ms=self.result_ttl_ms,
            max_queue=self.max_queue or 0,
            **history,
        )

    @property
    def receipts_kept_ms(self) -> int:
        """How long a receipt of `once()` stays, counted from when it was written."""
        if self.receipt_ttl_ms is not None:
            return self.receipt_ttl_ms
        return max(30 * DAY_MS, min(LONGEST_MS, 2 * self.rules.failed_ttl_ms))

    def check_lane(self, lane: str) -> str:
        """The lane, if this queue has it; `ConfigError` listing the lanes if not."""
        if lane not in self.priorities:
            known = ", ".join(self.priorities)
            raise ConfigError(f"queue {self.queue_name!r} has no lane {lane!r}; its lanes, lowest first: {known}")
        return lane


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskOptions:
    """What `@app.task(...)` takes."""

    name: str | None = None
    max_retries: int = 3
    backoff_ms: Backoff = 0
    timeout: float | None = None
    priority: str | None = None
    unique: bool = False
    unique_key: Callable[..., Any] | None = None
    unique_for_ms: int = 0
    expire_ms: int = 0
    result_ttl_ms: int | None = None
    save_result: bool = True
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = (Exception,)
    no_retry_on: type[BaseException] | tuple[type[BaseException], ...] = ()
    takes_context: bool = False
    executor: str = "thread"  # or "process": of sync functions
    atomic: bool | str = False  # its effects, in the default database or in this one, and the end of its job are one
    sensitive: Sequence[str] = ()
    labels: Mapping[str, Any] = field(default_factory=dict)
    enqueue_on_commit: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None:
            check_title("name", self.name)
        check_number("max_retries", self.max_retries, least=-1)
        check_backoff("backoff_ms", self.backoff_ms)
        for name in ("expire_ms", "unique_for_ms"):
            check_wait(name, getattr(self, name))
        for name in ("save_result", "unique", "takes_context"):
            check_flag(name, getattr(self, name))
        check_function("unique_key", self.unique_key)
        for name in ("retry_on", "no_retry_on"):
            check_errors(name, getattr(self, name))
        check_choice("executor", self.executor, ("thread", "process"))
        _check_atomic(self)
        check_names("sensitive", self.sensitive)
        check_labels(self.labels)
        if self.timeout is not None:
            check_number("timeout", self.timeout, least=0, kinds=(int, float))
        if self.result_ttl_ms is not None:
            check_number("result_ttl_ms", self.result_ttl_ms, least=-LONGEST_MS)
        if self.enqueue_on_commit is not None:
            check_choice("enqueue_on_commit", self.enqueue_on_commit, ("auto", "never"))


@dataclass(frozen=True, slots=True, kw_only=True)
class CallOptions:
    """What `task.options(...)` takes, times already in milliseconds."""

    task_id: str | None = None
    priority: str | None = None
    delay_ms: int = 0
    schedule_ms: int = 0
    expire_ms: int | None = None
    unique: bool | None = None
    unique_for_ms: int | None = None
    labels: Mapping[str, Any] = field(default_factory=dict)
    enqueue_on_commit: str | None = None

    def __post_init__(self) -> None:
        for name in ("delay_ms", "schedule_ms"):
            check_wait(name, getattr(self, name))
        for name in ("expire_ms", "unique_for_ms"):
            if getattr(self, name) is not None:
                check_wait(name, getattr(self, name))
        if self.unique is not None:
            check_flag("unique", self.unique)
        if self.unique_for_ms and self.unique is False and self.task_id is None:
            raise ConfigError(f"unique=False, unique_for_ms={self.unique_for_ms}: a call is unique for a time, or not")
        check_labels(self.labels)
        if self.task_id is not None:
            check_id(self.task_id)
        if self.enqueue_on_commit is not None:
            check_choice("enqueue_on_commit", self.enqueue_on_commit, ("auto", "never"))


def _check_atomic(options: TaskOptions) -> None:
    if not isinstance(options.atomic, bool):
        check_text("atomic", options.atomic or "", "True, False, or an alias of DATABASES")
    if options.atomic and options.executor == "process":
        raise ConfigError('atomic and executor="process" exclude each other: use once() in the body')


def _check_lanes(options: AppOptions) -> None:
    lanes = options.priorities
    if isinstance(lanes, str) or not isinstance(lanes, Sequence) or not lanes:
        raise ConfigError(f"priorities={lanes!r}: give a list of distinct lane names, lowest first")
    for lane in lanes:
        check_name("priorities", lane)
    if len(set(lanes)) != len(lanes):
        raise ConfigError(f"priorities={lanes!r}: give a list of distinct lane names, lowest first")
    if options.default_priority is not None:
        options.check_lane(options.default_priority)
    for name in ("weights", "limits"):
        for lane, number in check_mapping(name, getattr(options, name) or {}).items():
            options.check_lane(lane)
            check_number(f"{name}[{lane!r}]", number, least=1)


def _check_context(context: Any) -> None:
    if isinstance(context, str) or not isinstance(context, Sequence):
        raise ConfigError(f"context={context!r}: give a list of context providers")
    for provider in context:
        check_provider("context", provider)


def _check_numbers(options: AppOptions) -> None:
    for name in ("concurrency", "idle_timeout_ms", "poll_block_ms", "max_payload_bytes", "max_crashes"):
        check_number(name, getattr(options, name), least=1)
    if options.max_queue is not None:
        check_number("max_queue", options.max_queue, least=1)
    check_number("result_ttl_ms", options.result_ttl_ms, least=-LONGEST_MS)
    check_number("cron_poll_s", options.cron_poll_s, least=0.01, kinds=(int, float))
    for name in ("shutdown_timeout_s", "unknown_task_grace_s"):
        check_number(name, getattr(options, name), least=0, kinds=(int, float))
    for name in ("history_ttl_ms", "history_max"):
        for end, number in check_mapping(name, getattr(options, name)).items():
            check_choice(name, end, ("succeeded", "failed"))
            check_number(f"{name}[{end!r}]", number, least=0)
    if options.receipt_ttl_ms is not None:
        check_wait("receipt_ttl_ms", options.receipt_ttl_ms)
        if options.receipt_ttl_ms < options.rules.failed_ttl_ms:
            kept_ms = options.rules.failed_ttl_ms
            raise ConfigError(
                f"receipt_ttl_ms={options.receipt_ttl_ms}: give at least {kept_ms}, the time for which a failed job is "
                "kept and may be replayed"
            )


def call_options(given: Mapping[str, Any]) -> CallOptions:
    """The options of one call; `delay` (a timedelta) and `at` (an aware datetime) become milliseconds."""
    plain = dict(given)
    delay, at = plain.pop("delay", None), plain.pop("at", None)
    known_keywords(CallOptions, plain, "a call")
    if delay is not None:
        plain["delay_ms"] = _duration_ms(delay)
    if at is not None:
        plain["schedule_ms"] = _moment_ms(at)
    return CallOptions(**plain)


def _duration_ms(delay: Any) -> int:
    if not isinstance(delay, timedelta):
        raise ConfigError(f"delay={delay!r}: give a timedelta, or delay_ms=")
    return round(delay.total_seconds() * 1000)


def _moment_ms(at: Any) -> int:
    if not isinstance(at, datetime) or at.tzinfo is None:
        raise ConfigError(f"at={at!r}: give an aware datetime, or schedule_ms=")
    return round(at.timestamp() * 1000)
