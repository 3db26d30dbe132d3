"""From a call to a stored job: bind, pick the lane, make the id, encode once, and send now or at the commit."""

import hashlib
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from ardiq_django import codec
from ardiq_django.brokers.completion import check_atomic
from ardiq_django.clock import new_id, now_ms
from ardiq_django.config import AppOptions, CallOptions, TaskOptions
from ardiq_django.context import task_here
from ardiq_django.exceptions import BrokerError, ConfigError, JobConflict, PayloadError, QueueFull
from ardiq_django.lineage import headers_of, is_by_hand
from ardiq_django.registry import TaskDefinition
from ardiq_django.stamping import stamped, stamped_sync, stamps
from ardiq_django.surroundings import around
from ardiq_django.wire import FORMAT, Acceptance, StagedJob

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

T = TypeVar("T")
Prepared = Sequence[tuple[StagedJob, str | None]]  # a job, and what its call or its task says of the commit
CHUNK = 10_000  # what one call to the broker brings; it may split it
NO_OPTIONS = TaskOptions()
NO_CALL_OPTIONS = CallOptions()
NOTHING: dict[str, Any] = {}  # shared by all jobs without labels and headers


class Receipt(msgspec.Struct, eq=False, gc=False):
    """What became of one staged job: `created` is None until it was sent."""

    job: StagedJob
    on_commit: str | None = None  # what its call or its task says
    waits_for_commit: bool = False
    created: bool | None = None


class Call(msgspec.Struct, frozen=True):
    """One call of one task, before it is staged; a task of another process is known by its name alone."""

    task: str
    definition: TaskDefinition | None
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    options: CallOptions = NO_CALL_OPTIONS

    def __repr__(self) -> str:
        return f"<Call of task {self.task!r}>"

    @property
    def declared(self) -> TaskOptions:
        return self.definition.options if self.definition else NO_OPTIONS


class Producer:
    """Stages calls for one app and hands them to its broker."""

    def __init__(self, app: "Ardiq") -> None:
        self._app = app

    def stage(self, call: Call) -> StagedJob:
        """The job a call becomes. Raises `TypeError` for a call that does not bind, `PayloadError` for a value that
        cannot be carried or too much of it, `ValueError` for a lane the queue does not have."""
        options, declared = call.options, call.declared
        if call.definition:
            call.definition.check(call.args, call.kwargs)
        if declared.atomic:
            check_atomic(self._app.address, call.task, declared.atomic)
        app, lane = self._app.options, options.priority or declared.priority
        unique_for_ms = declared.unique_for_ms if options.unique_for_ms is None else options.unique_for_ms
        own_id, digest = self._own_id(call, declared, unique_for_ms)
        return StagedJob(
            FORMAT,
            own_id or new_id(),
            call.task,
            app.check_lane(lane) if lane else app.lane,
            self._encode(call, app),
            now_ms(),
            new_id() if own_id else "",
            digest,
            bool(own_id),
            options.delay_ms,
            options.schedule_ms,
            _window_ms(call, declared),
            {**declared.labels, **options.labels} if declared.labels or options.labels else NOTHING,
            _headers(),
            unique_for_ms=unique_for_ms if own_id else 0,
        )

    def _own_id(self, call: Call, declared: TaskOptions, unique_for_ms: int) -> tuple[str, str]:
        """The id that the call itself asks for, if any, and the digest by which the same call is known again."""
        options = call.options
        unique = (declared.unique or unique_for_ms > 0) if options.unique is None else options.unique
        if options.task_id is None and not unique:
            return "", ""
        digest = self._digest(call)
        return options.task_id or f"unique:{digest}", digest

    def _digest(self, call: Call) -> str:
        if call.declared.unique_key is not None and call.options.task_id is None:
            said: Any = call.declared.unique_key(*call.args, **call.kwargs)
        elif call.definition:
            bound = call.definition.bind(call.args, call.kwargs)
            bound.apply_defaults()
            said = dict(bound.arguments)
        elif call.args and call.options.task_id is None:
            raise ConfigError(f"a unique call of {call.task!r}, which is not known here, takes keyword arguments only")
        else:
            said = [list(call.args), call.kwargs]
        try:
            data = codec.canonical(said)
        except PayloadError:
            data = self._app.encode(said)  # a custom serializer may carry what ours does not
        return hashlib.blake2b(data, digest_size=16, key=call.task.encode()[:64]).hexdigest()

    def _encode(self, call: Call, app: AppOptions) -> bytes:
        try:
            if app.serializer:
                payload = app.serializer([list(call.args), call.kwargs])
            else:
                payload = codec.encode_call(call.args, call.kwargs)
        except Exception as error:
            raise PayloadError(f"{call.task}: {self._guilty(call)}{error}") from error
        if len(payload) > app.max_payload_bytes:
            raise PayloadError(
                f"{call.task}: the arguments take {len(payload):,} bytes, more than max_payload_bytes="
                f"{app.max_payload_bytes:,}{self._largest(call)}: store the data and pass its key"
            )
        return payload

    def _named(self, call: Call) -> dict[str, Any]:
        if call.definition:
            return call.definition.bind(call.args, call.kwargs).arguments
        return {f"number {place}": value for place, value in enumerate(call.args, 1)} | call.kwargs

    def _guilty(self, call: Call) -> str:
        for name, value in self._named(call).items():
            try:
                self._app.encode([[value], {}])
            except Exception:
                return f"argument {name!r}: "
        return ""

    def _largest(self, call: Call) -> str:
        sizes = {name: len(self._app.encode([[value], {}])) for name, value in self._named(call).items()}
        if not sizes:
            return ""
        name = max(sizes, key=lambda one: sizes[one])
        return f" (argument {name!r} alone {sizes[name]:,})"

    async def send(self, prepared: Prepared) -> list[Receipt]:
        """Hand staged jobs to the broker, in order, or keep them for the commit of the caller's transaction.

        Raises `BrokerError` carrying the first id that may not have been stored, `QueueFull`, and `JobConflict`."""
        receipts = [Receipt(*call) for call in prepared]
        if stamps(self._app):
            _replace(receipts, await stamped(self._app, [receipt.job for receipt in receipts]))
        # under async_to_sync the loop is gone after this call, and connections made in it would go with it
        if not await around().in_callers_thread(lambda: self._send_here(receipts)):
            await self._store(receipts)
        self._note(receipts)
        return receipts

    def send_sync(self, prepared: Prepared) -> list[Receipt]:
        """`send` for synchronous callers."""
        receipts = [Receipt(*call) for call in prepared]
        if stamps(self._app):
            _replace(receipts, stamped_sync(self._app, [receipt.job for receipt in receipts]))
        self._send_here(receipts)
        self._note(receipts)
        return receipts

    def _note(self, receipts: list[Receipt]) -> None:
        """Let the job that runs here know its children, those of a transaction before its end."""
        if (parent := task_here()) is not None:
            for receipt in receipts:
                if receipt.created or receipt.waits_for_commit:
                    parent.note_child(f"{self._app.queue_name}:{receipt.job.id}")

    def _send_here(self, receipts: list[Receipt]) -> bool:
        waiting = [receipt for receipt in receipts if self._may_defer(receipt.on_commit)]
        if waiting and self._defer(waiting):
            receipts = [receipt for receipt in receipts if not receipt.waits_for_commit]
        if receipts:
            self._run(self._store(receipts))
        return True

    def _may_defer(self, on_commit: str | None) -> bool:
        return (on_commit or self._app.options.enqueue_on_commit) == "auto"

    def _defer(self, receipts: list[Receipt]) -> bool:
        deferred = around().defer(self._app.address, lambda: self._run(self._store(receipts)))
        for receipt in receipts:
            receipt.waits_for_commit = deferred
        return deferred

    @property
    def _run(self) -> Callable[[Coroutine[Any, Any, T]], T]:
        return self._app.broker.run_sync

    async def _store(self, receipts: list[Receipt]) -> None:
        conflicts: list[str] = []
        for start in range(0, len(receipts), CHUNK):
            chunk = receipts[start : start + CHUNK]
            try:
                answers = await self._app.broker.enqueue([receipt.job for receipt in chunk])
            except BrokerError as error:
                error.job_id = chunk[0].job.id
                raise
            for receipt, answer in zip(chunk, answers, strict=True):
                receipt.created = None if answer is Acceptance.FULL else answer is Acceptance.CREATED
                receipt.waits_for_commit = False
            if Acceptance.FULL in answers:
                refused = answers.count(Acceptance.FULL) + len(receipts[start + CHUNK :])
                raise self._full(chunk[answers.index(Acceptance.FULL)].job.id, refused)
            if Acceptance.CONFLICT in answers:
                conflicts.append(chunk[answers.index(Acceptance.CONFLICT)].job.id)
        if conflicts:
            raise JobConflict(conflicts[0])

    def _full(self, job_id: str, refused: int) -> QueueFull:
        options = self._app.options
        others = f", nor were {refused - 1:,} others of this call" if refused > 1 else ""
        return QueueFull(
            f"queue {options.queue_name!r} is full: more than max_queue={options.max_queue:,} jobs would wait, so job "
            f"{job_id!r} was not stored{others}. Enqueue again later, add workers, or raise max_queue",
            job_id,
            refused,
        )


def _replace(receipts: Sequence[Receipt], jobs: Sequence[StagedJob]) -> None:
    for receipt, job in zip(receipts, jobs, strict=True):
        receipt.job = job


def _window_ms(call: Call, declared: TaskOptions) -> int:
    """The window the job must start in, 0 for none; raises `ConfigError` if its delay lies beyond."""
    window_ms = declared.expire_ms if call.options.expire_ms is None else call.options.expire_ms
    if window_ms:
        delay_ms = max(call.options.delay_ms, call.options.schedule_ms - now_ms())
        if window_ms < delay_ms:
            raise ConfigError(f"{call.task}: a delay of {delay_ms} ms lies beyond the window expire_ms={window_ms}")
    return window_ms


def _headers() -> dict[str, Any]:
    """Who enqueues: a job, or somebody by hand."""
    parent = task_here()
    return headers_of(parent.key if parent else "") if parent or is_by_hand() else NOTHING
