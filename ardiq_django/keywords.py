"""The options as type checkers and editors know them: the keywords of `Ardiq`, `@app.task` and `task.options`.

What they mean, their defaults and their checks stand in `config` and `plan`; a test holds both together."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, TypedDict

from ardiq_django.backoff import Backoff
from ardiq_django.provider import ContextProvider

Errors = type[BaseException] | tuple[type[BaseException], ...]
OnCommit = Literal["auto", "never"]
MissedTimes = Literal["skip", "once", "all"]


class AppKeywords(TypedDict, total=False):
    """Of `Ardiq`, beside its three positional arguments."""

    broker: str | None
    default_priority: str | None
    weights: Mapping[str, int] | None
    limits: Mapping[str, int] | None
    concurrency: int
    prefetch: int | None
    idle_timeout_ms: int
    poll_block_ms: int
    result_ttl_ms: int
    history_ttl_ms: Mapping[str, int]
    history_max: Mapping[str, int]
    receipt_ttl_ms: int | None
    cron_poll_s: float
    burst: bool
    serializer: Callable[[Any], bytes] | None
    deserializer: Callable[[bytes], Any] | None
    worker_id: str | None
    shutdown_timeout_s: float
    max_payload_bytes: int
    max_queue: int | None
    max_crashes: int
    unknown_task_grace_s: float
    enqueue_on_commit: OnCommit
    capture_logs: str | None
    context: Sequence[ContextProvider]
    task_names: Literal["module", "name"]


class TaskKeywords(TypedDict, total=False):
    """Of `@app.task(…)`, but for `takes_context`, which changes what a call takes."""

    name: str | None
    max_retries: int
    backoff_ms: Backoff
    timeout: float | None
    priority: str | None
    unique: bool
    unique_key: Callable[..., Any] | None
    unique_for_ms: int
    expire_ms: int
    result_ttl_ms: int | None
    save_result: bool
    retry_on: Errors
    no_retry_on: Errors
    executor: Literal["thread", "process"]
    atomic: bool | str
    sensitive: Sequence[str]
    labels: Mapping[str, Any]
    enqueue_on_commit: OnCommit | None


class CallKeywords(TypedDict, total=False):
    """Of `task.options(…)`."""

    task_id: str | None
    priority: str | None
    delay_ms: int
    delay: timedelta | None
    schedule_ms: int
    at: datetime | None
    expire_ms: int | None
    unique: bool | None
    unique_for_ms: int | None
    labels: Mapping[str, Any]
    enqueue_on_commit: OnCommit | None
    schedule_id: str | None
    timezone: str | None
    misfire: MissedTimes | None
    coalesce: bool
