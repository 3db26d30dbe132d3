"""Running one job: unpack, find its task, call it in its context, judge how it ended. No broker is touched here."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ardiq_django import codec
from ardiq_django.brokers.completion import Completion
from ardiq_django.config import TaskOptions
from ardiq_django.context import TaskContext, enter
from ardiq_django.exceptions import PayloadError
from ardiq_django.outcome import AbortAsked, Span, TimedOut, Unrunnable, settle
from ardiq_django.registry import TaskDefinition
from ardiq_django.validation import SECRET
from ardiq_django.wire import Outcome, Released, Requeued, Succeeded
from ardiq_django.worker import logs
from ardiq_django.worker.around import Around
from ardiq_django.worker.atomic import Committed, in_one_transaction
from ardiq_django.worker.clock import BrokerClock
from ardiq_django.worker.error_hooks import ErrorHooks
from ardiq_django.worker.run import Cut, Run

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

UNKNOWN_FIRST_MS = 1_000
UNKNOWN_MOST_MS = 30_000
AROUND_BODIES = (__package__, "ardiq_django.dependencies", "ardiq_django.bridge")
_PLAIN = TaskOptions()


class Executor:
    """Runs attempts of one app's tasks. Whatever a body raises becomes an outcome; nothing is raised from here.

    `torn_down` tells whether somebody cancels the worker itself; `completion` makes the transaction of an atomic
    task."""

    def __init__(
        self,
        app: "Ardiq",
        clock: BrokerClock,
        torn_down: Callable[[], bool],
        completion: Callable[[str, str], Completion] | None = None,
    ) -> None:
        options = app.options
        self._completion = completion
        self._now_ms = clock.now_ms
        self._torn_down = torn_down
        self._app = app
        self._worker_id = app.worker_id
        self._encode: Callable[[Any], bytes] = options.serializer or codec.encode
        self._decode: Callable[[bytes], Any] = options.deserializer or codec.decode
        self._ttl_of_app = options.result_ttl_ms
        self._most_bytes = options.max_payload_bytes
        self._around = Around.of(app)
        self.needs_loop = self._around is not None and self._around.needs_loop  # for sync tasks, too
        self._error_hooks = ErrorHooks(app) if app.hooks.error else None
        logs.listen(app)

    async def execute(self, run: Run) -> Outcome | None:
        """Run an async task to its outcome; None where nothing may be written about it any more."""
        if run.cut:
            return await self._told(run, self._cut_short(run))
        run.in_body = True
        outcome: Outcome | None
        try:
            run.slot.unit.enter()
            args, kwargs = self._unpack(run)
            if self._around is None:
                value = await run.definition.body(*args, **kwargs)  # type: ignore[union-attr]
            else:
                value = await self._around.call(run, args, kwargs)
            outcome = self._success(run, value)
        except asyncio.CancelledError as error:
            outcome = self._cancelled(run, error)
        except BaseException as error:
            outcome = self._cut_short(run) if run.cut else self._failure(run, error)
        run.in_body = False
        if run.error is not None:
            await self._told(run, outcome)
        unit = run.slot.unit
        if unit.used:
            # the attempt is judged: a loop that is torn down now must not take its outcome along
            with contextlib.suppress(asyncio.CancelledError):
                await unit.leave()
        return outcome

    def execute_sync(self, run: Run) -> Outcome | Committed | None:
        """Run a sync task, in the thread this is called in, to its outcome."""
        outcome = self._cut_short(run) if run.cut else self._run_here(run)
        if run.error is not None and self._error_hooks and not isinstance(outcome, Committed):
            self._error_hooks.tell_sync(run, outcome)
        return outcome

    def _run_here(self, run: Run) -> Outcome | Committed | None:
        outcome: Outcome | Committed | None
        try:
            with run.slot.unit.around_thread():
                if self._completion and run.definition and run.definition.options.atomic:
                    completion = self._completion(run.epoch, self._worker_id)
                    outcome = in_one_transaction(run, completion, partial(self._attempt, run))
                else:
                    outcome = self._attempt(run)
        except BaseException as error:
            return self._cut_short(run) if run.cut_short else self._failure(run, error)
        return self._cut_short(run) if run.cut_short and not isinstance(outcome, Committed) else outcome

    def _attempt(self, run: Run) -> Outcome:
        args, kwargs = self._unpack(run)
        if self._around is None:
            value = run.definition.body(*args, **kwargs)  # type: ignore[union-attr]
        else:
            value = self._around.call_sync(run, args, kwargs)
        return self._success(run, value)

    async def execute_elsewhere(self, run: Run, attempt: Callable[[Run], Awaitable[Outcome]]) -> Outcome | None:
        """Run a task whose body runs, and is judged, in a process of its own; a cut kills it."""
        outcome = self._cut_short(run) if run.cut else await self._run_elsewhere(run, attempt)
        return await self._told(run, outcome)

    async def _run_elsewhere(self, run: Run, attempt: Callable[[Run], Awaitable[Outcome]]) -> Outcome | None:
        run.context = TaskContext(self._app, run.delivery, self._worker_id, run.start_ms)
        run.in_body = True
        try:
            return await attempt(run)
        except asyncio.CancelledError as error:
            return self._cancelled(run, error)
        except BaseException as error:
            return self._cut_short(run) if run.cut else self._failure(run, error)
        finally:
            run.in_body = False

    async def _told(self, run: Run, outcome: Outcome | None) -> Outcome | None:
        if run.error is not None and self._error_hooks:
            await self._error_hooks.tell(run, outcome)
        return outcome

    def _unpack(self, run: Run) -> tuple[Sequence[Any], Mapping[str, Any]]:
        delivery, definition = run.delivery, run.definition
        if delivery.broken:
            raise Unrunnable(delivery.broken)
        if definition is None:
            raise Unrunnable(f"no task {delivery.job.task!r} is registered here")
        run.context = context = TaskContext(self._app, delivery, self._worker_id, run.start_ms)
        context.aborted = run.cut is not None  # a cut that came first found no context to tell
        enter(context)
        call = delivery.job.call
        if len(call) > self._most_bytes:
            raise Unrunnable(f"the arguments take {len(call):,} bytes, more than max_payload_bytes here")
        try:
            args, kwargs = context.call = self._decode(call)
            definition.check(args, kwargs)
        except Exception as error:
            raise Unrunnable(f"the arguments cannot be used: {_told(error, call, definition)}") from error
        return ([context, *args] if definition.options.takes_context else args), kwargs

    def _success(self, run: Run, value: Any) -> Outcome:
        finish, ttl = self._now_ms(), self._ttl_ms(run)
        try:
            data = self._encode(value) if ttl else None
            if data and len(data) > self._most_bytes:
                raise PayloadError(f"it takes {len(data):,} bytes, more than max_payload_bytes")
        except Exception as error:
            text = f"the task ran, but its result of type {type(value).__name__} cannot be kept: {error}"
            return self._failure(run, Unrunnable(f"{text}; return plain data, or declare save_result=False"))
        said = logs.said_in(run.context, logs.MAX_BYTES_OF_SUCCESS)
        return Succeeded(run.delivery, run.start_ms, finish, data, ttl, _children(run), said)

    def _failure(self, run: Run, error: BaseException) -> Outcome:
        options = run.definition.options if run.definition else _PLAIN
        span = Span(run.start_ms, self._now_ms(), self._worker_id, logs.said_in(run.context), _children(run))
        if self._error_hooks:
            run.error = error
        error.__traceback__ = _without_ours(error.__traceback__)
        ttl = self._ttl_ms(run) or self._ttl_of_app
        return settle(run.delivery, options, error, span, ttl)

    def _cancelled(self, run: Run, error: BaseException) -> Outcome | None:
        if run.cut:
            return self._cut_short(run)
        # a cancel we did not send: either the whole loop is being torn down, or the body let one of its own escape
        return Released(run.delivery) if self._torn_down() else self._failure(run, error)

    def _cut_short(self, run: Run) -> Outcome | None:
        match run.cut:
            case Cut.TIMEOUT:
                limit = run.definition.options.timeout if run.definition else None
                return self._failure(run, TimedOut(limit or 0))
            case Cut.ABORT:
                return self._failure(run, AbortAsked("somebody asked for this job to end"))
            case Cut.STOP:
                return Released(run.delivery)
        return None

    def _ttl_ms(self, run: Run) -> int:
        options = run.definition.options if run.definition else _PLAIN
        if not options.save_result:
            return 0
        return self._ttl_of_app if options.result_ttl_ms is None else options.result_ttl_ms


def _children(run: Run) -> tuple[str, ...]:
    return run.context.enqueued if run.context else ()


def _told(error: Exception, call: bytes, definition: TaskDefinition) -> str:
    """What is wrong with the arguments. An error may quote them, and so does the beginning of the payload: neither is
    told where a name says that some are secret."""
    head, names = repr(call[:64]), " ".join(definition.signature.parameters)
    if not definition.options.sensitive and not SECRET.search(f"{names} {head}"):
        return f"{error}; the payload begins with {head}"
    return str(error) if isinstance(error, TypeError) else type(error).__qualname__


def _without_ours(trace: TracebackType | None) -> TracebackType | None:
    """A traceback begins in our own frames, which say nothing about the task."""
    while trace and trace.tb_frame.f_globals.get("__name__", "").startswith(AROUND_BODIES):
        trace = trace.tb_next
    return trace


def put_back(run: Run, grace_s: float) -> Requeued | None:
    """What becomes of a job whose task is unknown here: back with a growing delay, until the delays add up to the
    grace; None when that is over."""
    waited, delay = 0, UNKNOWN_FIRST_MS
    for _ in range(run.delivery.requeues):
        waited += delay
        delay = min(delay * 2, UNKNOWN_MOST_MS)
    return Requeued(run.delivery, delay) if waited < grace_s * 1000 else None
