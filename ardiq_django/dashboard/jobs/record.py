"""One job as JSON: what its page shows, with the same masks and the same rights."""

from datetime import UTC, datetime
from typing import Any

from ardiq_django.dashboard.jobs.columns import spent
from ardiq_django.dashboard.jobs.detail import JobPage
from ardiq_django.dashboard.jobs.family import Relative
from ardiq_django.lineage import BY, others, said
from ardiq_django.results import Attempt

PRIVATE = ("message", "traceback", "logs")  # of an attempt


def job_record(page: JobPage) -> dict[str, Any]:
    """Plain values; times are ISO 8601 in UTC, None where there is none."""
    return _public(page) | (_payload(page) if page.shows_payload else {})


def _public(page: JobPage) -> dict[str, Any]:
    one, end = page.job.snapshot, page.job.snapshot.end
    return {
        "queue": page.job.queue,
        "id": page.job.job_id,
        "task": page.job.task,
        "state": one.state.value,
        "lane": one.job.lane,
        "attempts_spent": spent(one),
        "crashes": one.crashes,
        "enqueued": _iso(one.job.enqueued_ms),
        "enqueued_by": said(one.job.headers, BY) or None,
        "due": _iso(one.due_ms),
        "expires": _iso(one.expires_ms),
        "started": _iso(end.start_ms if end else one.start_ms),
        "finished": _iso(end.finish_ms if end else 0),
        "worker": one.worker or None,
        "hints": [str(hint) for hint in page.hints],
        "progress": [page.progress.current, page.progress.total] if page.progress else None,
        "parent": page.family.parent.key if page.family.parent else None,
        "children": [_relative(child) for child in page.family.children],
        "children_more": page.family.more,
        "depends_on": [_relative(other) for other in page.family.depends_on],
        "attempts": [_attempt(attempt, page.shows_payload) for attempt in one.attempts],
    }


def _payload(page: JobPage) -> dict[str, Any]:
    result, end = page.result, page.job.snapshot.end
    return {
        "arguments": {one.name: one.text for one in page.call.arguments},
        "arguments_note": page.call.note or None,
        "result": result.text or result.raw or None if result else None,
        "reason": page.reason or None,
        "logs": (end.logs or None) if end else None,
        "progress_message": page.progress.message if page.progress else None,
        "labels": {name: _plain(value) for name, value in page.labels.items()},
        "headers": {name: _plain(value) for name, value in others(page.job.snapshot.job.headers).items()},
    }


def _attempt(attempt: Attempt, shows_payload: bool) -> dict[str, Any]:
    told = {
        "number": attempt.number,
        "event": attempt.event,
        "started": _iso(attempt.start_ms),
        "finished": _iso(attempt.finish_ms),
        "worker": attempt.worker,
        "error_type": attempt.error_type,
    }
    return told | ({name: getattr(attempt, name) for name in PRIVATE} if shows_payload else {})


def _relative(other: Relative) -> dict[str, Any]:
    state = other.snapshot.state.value if other.snapshot else None
    return {"key": other.key, "task": other.task or None, "state": state}


def _iso(ms: int) -> str | None:
    try:
        return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds") if ms else None
    except (ValueError, OverflowError, OSError):
        return None


def _plain(value: Any) -> Any:
    return value if isinstance(value, str | int | float | bool | None) else repr(value)
