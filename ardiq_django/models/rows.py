"""What the statements of the hot path take and give: whom jobs are handed to, and the rows of jobs that come and go."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

STAGED = "queue, job_id, envelope, task, lane, state, due_ms, expires_ms, enqueued_ms, unique_for_ms"
CLAIMED = "due_ms, id, job_id, envelope, tries, crashes, requeues, has_history"
Row = tuple[Any, ...]


class Claimed(NamedTuple):
    """A row that was handed out, in the order of `CLAIMED`; such rows sort as they stood in their lane."""

    due_ms: int
    key: int
    job_id: str
    envelope: bytes
    tries: int
    crashes: int
    requeues: int
    has_history: bool


@dataclass(frozen=True, slots=True)
class Hand:
    """Into whose hands jobs are given, and when: one turn of one worker."""

    queue: str
    epoch: str
    claim: int
    worker: str
    now_ms: int


class Intake(msgspec.Struct, frozen=True):
    """A job about to be stored, in columns."""

    job_id: str
    envelope: bytes
    task: str
    lane: str
    delay_ms: int
    schedule_ms: int
    expire_ms: int
    enqueued_ms: int
    unique_for_ms: int

    def row(self, queue: str, now_ms: int) -> Row:
        """Its columns, in the order of `STAGED`."""
        due = max(now_ms + self.delay_ms, self.schedule_ms)
        state = "scheduled" if due > now_ms else "queued"
        expires = now_ms + self.expire_ms if self.expire_ms else 0
        return (
            queue, self.job_id, self.envelope, self.task, self.lane, state, due, expires, self.enqueued_ms,
            self.unique_for_ms,
        )  # fmt: skip
