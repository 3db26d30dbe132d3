"""What travels between the three roles, and the bytes it travels as.

Everything stored is msgpack of these structs, written as arrays: a field is only ever added at the end, with a
default, so that old and new workers read each other's jobs. The first field of a staged job is its format's version.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import msgspec

from ardiq_django.results import Attempt, State

FORMAT = 1


class StagedJob(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A job about to be stored. Delays and windows count from the moment the broker accepts it, by its clock."""

    format: int
    id: str
    task: str
    lane: str
    call: bytes  # the serializer's bytes of [args, kwargs]
    enqueued_ms: int  # by the producer's clock; shown, and of an amended job its place in a lane
    token: str = ""  # of this very enqueue; "" where the id itself was made by it
    digest: str = ""  # of the task and its normalised arguments; "" where the id is not the caller's
    replaces: bool = False  # the id may start a new run once its earlier run has ended
    delay_ms: int = 0
    schedule_ms: int = 0  # an absolute time; 0 for none
    expire_ms: int = 0  # not to be started later than this after acceptance; 0 for never
    labels: Mapping[str, Any] = {}
    headers: Mapping[str, Any] = {}
    depends_on: Sequence[str] = ()
    limits: Sequence[str] = ()
    unique_for_ms: int = 0  # so long after its end, too, its id belongs to this call

    @property
    def identity(self) -> str:
        return self.token or self.id

    def __repr__(self) -> str:
        return f"<StagedJob {self.id!r} of task {self.task!r}>"  # the rest may be anybody's secret


@dataclass(frozen=True, slots=True)
class Amendment:
    """Another call, or another lane, for a job that waits, and the job as it was when that was decided."""

    was: StagedJob
    lane: str
    call: bytes
    digest: str  # of the new call, where the job has one

    @property
    def job(self) -> StagedJob:
        """The job as it is to be."""
        return msgspec.structs.replace(self.was, lane=self.lane, call=self.call, digest=self.digest)

    def __repr__(self) -> str:
        return f"<Amendment of {self.was!r}>"


class Delivery(msgspec.Struct, frozen=True, gc=False):
    """A job in a worker's hands. `claim` with the worker's epoch is the fence of everything written about it."""

    job: StagedJob
    claim: int
    tries: int = 1  # the number of this attempt
    crashes: int = 0
    requeues: int = 0
    history: Sequence[Attempt] = ()
    envelope: bytes = b""  # the job as it is stored, for brokers that keep bytes
    broken: str = ""  # why the stored bytes could not be decoded; `job` is then a stand-in

    def __repr__(self) -> str:
        return f"<Delivery {self.job.id!r} of task {self.job.task!r}, attempt {self.tries}, claim {self.claim}>"


class Succeeded(msgspec.Struct, frozen=True, gc=False):
    """The body returned. `value` is the serializer's bytes, None where no result is kept."""

    delivery: Delivery
    start_ms: int
    finish_ms: int
    value: bytes | None
    ttl_ms: int  # how long the API shows the result; 0 not at all, below 0 as long as the record is kept
    children: tuple[str, ...] = ()  # as in `Attempt`
    logs: str = ""

    def __repr__(self) -> str:
        return f"<Succeeded {self.delivery!r}>"


class Failed(msgspec.Struct, frozen=True):
    """The job ends as failed; `reason` is what `TaskResult.value` says."""

    delivery: Delivery
    attempt: Attempt
    reason: str
    ttl_ms: int


class Aborted(msgspec.Struct, frozen=True):
    """The running attempt was cancelled because somebody asked for it."""

    delivery: Delivery
    attempt: Attempt
    reason: str
    ttl_ms: int


class Retrying(msgspec.Struct, frozen=True):
    """The attempt is spent; another one follows after `delay_ms`."""

    delivery: Delivery
    attempt: Attempt
    delay_ms: int


class Requeued(msgspec.Struct, frozen=True):
    """To run again after `delay_ms` without spending the attempt; such turns are counted as `requeues`."""

    delivery: Delivery
    delay_ms: int


class Released(msgspec.Struct, frozen=True):
    """Handed back as it was, to the head of its lane: nothing was spent."""

    delivery: Delivery


Outcome = Succeeded | Failed | Aborted | Retrying | Requeued | Released


class Answer(StrEnum):
    """What a verb says of one job."""

    DONE = "done"
    ALREADY = "already"  # it had been done before; nothing changed
    STALE = "stale"  # not from this state, or not by this attempt
    GONE = "gone"  # no such job


class Acceptance(StrEnum):
    """What `enqueue` says of one staged job."""

    CREATED = "created"
    EXISTING = "existing"
    CONFLICT = "conflict"
    FULL = "full"  # it would have been created, but for `max_queue`


class End(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """How a job ended."""

    state: State
    tries: int
    crashes: int
    start_ms: int
    finish_ms: int
    worker: str
    claim: str  # epoch.claim of the attempt that ended it; "" where no attempt did
    ttl_ms: int
    reason: str = ""
    value: bytes | None = None
    children: tuple[str, ...] = ()  # of the attempt, where that succeeded
    logs: str = ""  # likewise

    def __repr__(self) -> str:
        return f"<End {self.state} {self.claim}>"


@dataclass(frozen=True, slots=True)
class WorkerCard:
    """Who a worker is. `epoch` is random and new for each registration."""

    epoch: str
    worker_id: str
    host: str = ""
    pid: int = 0
    concurrency: int = 0
    started_ms: int = 0


@dataclass(frozen=True, slots=True)
class Exchange:
    """One turn of the hot path: what is finished goes in, what may start comes out.

    `call` counts this epoch's exchanges from 1; the same number sent again (after a lost reply) is answered as the
    first time and changes nothing. It is also the claim number of everything this turn hands out.
    """

    epoch: str
    call: int
    worker_id: str = ""
    outcomes: Sequence[Outcome] = ()
    want: int = 0
    lanes: Sequence[str] = ()  # in the order they are to be served
    caps: Mapping[str, int] = field(default_factory=dict)  # at most so many of a lane in this turn
    held: int = 0  # jobs the worker still runs when these outcomes are settled


@dataclass(frozen=True, slots=True)
class Turn:
    """The answer to an `Exchange`: one answer for each outcome, in order, and what to run."""

    answers: Sequence[Answer]
    deliveries: Sequence[Delivery]
    next_due_ms: int | None = None  # how long until the next scheduled job is due


@dataclass(frozen=True, slots=True)
class News:
    """What a worker tells of itself with its beat."""

    starts: Mapping[str, int] = field(default_factory=dict)  # id → start_ms of what runs now
    progress: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    rss_bytes: int = 0
    mood: str = ""  # "quiet" or "stopping" where it claims nothing more
    versions: Mapping[str, str] = field(default_factory=dict)  # of what it runs on


@dataclass(frozen=True, slots=True)
class Beat:
    """What a beat found: ids the worker no longer holds, ids it is to abort, claims of its own it does not know of."""

    lost: Sequence[str] = ()
    aborts: Sequence[str] = ()
    unknown: Sequence[Delivery] = ()


class Order(StrEnum):
    """What a worker can be told to do."""

    ABORT = "abort"
    QUIET = "quiet"  # claim nothing more, finish what runs, and stay
    STOP = "stop"  # the same, and end
    RESUME = "resume"  # claim again


class Command(msgspec.Struct, frozen=True, array_like=True):
    """One order to one worker; `job_id` and `claim` name the attempt to abort."""

    order: Order
    job_id: str = ""
    claim: int = 0


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One firing of a schedule: enqueued once, whoever stages it and however often."""

    schedule: str
    fire_ms: int
    job: StagedJob
    coalesce: bool = False  # given up while the job that this schedule staged last has not ended


@dataclass(frozen=True, slots=True)
class Firing:
    """What a schedule kept in the broker has due, and what is to be remembered of it once these jobs are staged."""

    schedule: str
    token: str  # of the plan that the jobs were made by
    mark_ms: int  # as it was read
    upto_ms: int  # the new mark
    next_ms: int  # when it fires next; 0 for never again: it is removed
    fired_ms: int  # the fire time of the last of these jobs; 0 if there are none
    jobs: Sequence[StagedJob]
    unless: str = ""  # a job; while it has not ended nothing is staged, and these fire times are given up


pack = msgspec.msgpack.Encoder().encode
unpack_command = msgspec.msgpack.Decoder(Command).decode


def end_of(outcome: Succeeded | Failed | Aborted, worker: str, epoch: str) -> End:
    """The end that a finishing outcome records."""
    delivery = outcome.delivery
    claim = f"{epoch}.{delivery.claim}"
    match outcome:
        case Succeeded():
            return End(
                State.SUCCEEDED, delivery.tries, delivery.crashes, outcome.start_ms, outcome.finish_ms,
                worker, claim, outcome.ttl_ms, "", outcome.value, outcome.children, outcome.logs,
            )  # fmt: skip
        case Failed() | Aborted():
            state = State.FAILED if isinstance(outcome, Failed) else State.ABORTED
            attempt = outcome.attempt
            return End(
                state, delivery.tries, delivery.crashes, attempt.start_ms, attempt.finish_ms,
                worker, claim, outcome.ttl_ms, outcome.reason,
            )  # fmt: skip
