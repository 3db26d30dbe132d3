"""What a snapshot says in the words of the public API: pure functions."""

from collections.abc import Callable
from math import isfinite
from typing import Any

from ardiq_django.results import Progress, State, Status, TaskInfo, TaskResult
from ardiq_django.snapshot import Snapshot
from ardiq_django.wire import End

Decode = Callable[[bytes], Any]


def status_of(snapshot: Snapshot | None) -> Status:
    """One of Ardiq's five words."""
    return snapshot.state.status if snapshot else Status.NOT_FOUND


def result_of(snapshot: Snapshot | None, decode: Decode) -> TaskResult[Any] | None:
    """The result of an ended job while its `ttl_ms` lasts, else None."""
    if snapshot is None or not snapshot.state.ended:
        return None
    end = snapshot.end or _lapsed(snapshot)
    if end.ttl_ms == 0 or 0 < end.ttl_ms <= snapshot.now_ms - end.finish_ms:
        return None
    success = end.state is State.SUCCEEDED
    return TaskResult(
        success,
        _value(end, decode) if success else end.reason,
        end.tries,
        snapshot.job.enqueued_ms,
        end.start_ms,
        end.finish_ms,
        state=end.state,
        attempts=snapshot.attempts,
        labels=dict(snapshot.job.labels),
        logs=end.logs,
    )


def info_of(snapshot: Snapshot | None, decode: Decode) -> TaskInfo | None:
    """A look at an unfinished job, else None."""
    if snapshot is None or snapshot.state.ended:
        return None
    status = snapshot.state.status
    args, kwargs = call_of(snapshot, decode)
    return TaskInfo(
        task_id=snapshot.job.id,
        fn_name=snapshot.job.task,
        args=args,
        kwargs=kwargs,
        enqueue_time=snapshot.job.enqueued_ms,
        tries=snapshot.tries + (snapshot.state is State.RUNNING),
        status=status,
        scheduled_at=snapshot.due_ms if status is Status.SCHEDULED else None,
    )


def call_of(snapshot: Snapshot, decode: Decode) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments; raises `ValueError` if they cannot be decoded."""
    try:
        args, kwargs = decode(snapshot.job.call)
        return tuple(args), dict(kwargs)
    except Exception as error:
        raise ValueError(f"the arguments of job {snapshot.job.id!r} cannot be decoded: {error}") from error


def progress_of(snapshot: Snapshot | None) -> Progress | None:
    """How far a running job says it is."""
    if snapshot is None or not 1 <= len(snapshot.progress) <= 3:
        return None
    current, total, message = (*snapshot.progress, None, None)[:3]
    if not _is_number(current) or not (total is None or _is_number(total)):
        return None
    return Progress(current, total, str(message or ""))


def _is_number(said: Any) -> bool:
    return isinstance(said, int | float) and isfinite(said)


def _value(end: End, decode: Decode) -> Any:
    return None if end.value is None else decode(end.value)


def _lapsed(snapshot: Snapshot) -> End:
    # seen before upkeep wrote its end
    return End(snapshot.state, snapshot.tries, snapshot.crashes, 0, snapshot.expires_ms, "", "", -1, "expired")
