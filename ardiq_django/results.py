"""What callers read: statuses, states, the result of a finished job, a look at an unfinished one."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from ardiq_django.exceptions import TaskFailed

V = TypeVar("V", covariant=True)


class Status(StrEnum):
    """The five words of the public API."""

    QUEUED = "queued"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETE = "complete"
    NOT_FOUND = "not_found"


class State(StrEnum):
    """What is stored, and what the admin shows."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"
    EXPIRED = "expired"

    @property
    def ended(self) -> bool:
        return self in ENDED

    @property
    def status(self) -> Status:
        return _STATUS[self]


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.ABORTED, State.EXPIRED})
_STATUS = {
    State.SCHEDULED: Status.SCHEDULED,
    State.RETRYING: Status.SCHEDULED,
    State.QUEUED: Status.QUEUED,
    State.RUNNING: Status.RUNNING,
    State.SUCCEEDED: Status.COMPLETE,
    State.FAILED: Status.COMPLETE,
    State.ABORTED: Status.COMPLETE,
    State.EXPIRED: Status.COMPLETE,
}


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One attempt that did not succeed, as it is kept: when, where and why."""

    number: int
    event: str  # failed · timed out · retry asked · aborted · crashed
    start_ms: int
    finish_ms: int
    worker: str
    error_type: str = ""
    message: str = ""
    traceback: str = ""
    logs: str = ""
    children: tuple[str, ...] = ()  # keys, <queue>:<id>, of the first jobs it enqueued; +<number> for more

    @property
    def duration_ms(self) -> int:
        return max(0, self.finish_ms - self.start_ms)


class _Six(NamedTuple, Generic[V]):
    success: bool
    value: V | Any
    tries: int
    enqueue_time: int
    start: int
    finish: int


class TaskResult(_Six[V]):
    """How a job ended; unpacks to `success, value, tries, enqueue_time, start, finish` (times in epoch ms).

    The value of a failure is the `repr` of its exception, or the sentence that says why it ended.
    """

    attempts: Sequence[Attempt]
    labels: dict[str, Any]
    logs: str  # of the attempt that ended the job, as the option `capture_logs` says: the last lines, oldest first
    state: State

    def __new__(
        cls,
        success: bool,
        value: Any,
        tries: int,
        enqueue_time: int = 0,
        start: int = 0,
        finish: int = 0,
        *,
        state: State | None = None,
        attempts: Sequence[Attempt] = (),
        labels: dict[str, Any] | None = None,
        logs: str = "",
    ) -> "TaskResult[V]":
        result = super().__new__(cls, success, value, tries, enqueue_time, start, finish)
        result.state = state or (State.SUCCEEDED if success else State.FAILED)
        result.attempts = tuple(attempts)
        result.labels = labels or {}
        result.logs = logs or (result.error.logs if result.error else "")
        return result

    @property
    def duration_ms(self) -> int:
        return max(0, self.finish - self.start)

    @property
    def execution_time(self) -> float:
        """Seconds the last attempt took."""
        return self.duration_ms / 1000

    @property
    def aborted(self) -> bool:
        return self.state is State.ABORTED

    @property
    def expired(self) -> bool:
        return self.state is State.EXPIRED

    @property
    def error(self) -> Attempt | None:
        """The attempt that ended the job without success, with its type, message and traceback; None where no attempt
        did, as for a success, an expiry, or an abort before a start."""
        was_ended_by_attempt = self.state is State.FAILED or (self.state is State.ABORTED and self.start > 0)
        return self.attempts[-1] if self.attempts and was_ended_by_attempt else None

    def raise_for_error(self) -> None:
        """Raise `TaskFailed` with the recorded error unless the job succeeded."""
        if not self.success:
            error = self.error
            told = (error.error_type, error.message, error.traceback) if error else ()
            raise TaskFailed(str(self.value), *told)


class TaskInfo(NamedTuple):
    """A look at an unfinished job; `scheduled_at` (epoch ms) only while it waits for its time."""

    task_id: str
    fn_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    enqueue_time: int
    tries: int
    status: Status
    scheduled_at: int | None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a running job says it is."""

    current: float
    total: float | None = None
    message: str = ""
