"""What users hold: a task, a task with options, a prepared call, and a job."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, Unpack, overload

import msgspec
from asgiref.sync import markcoroutinefunction

from ardiq_django.config import CallOptions, call_options
from ardiq_django.exceptions import ArdiqError, ConfigError, SyncContextError
from ardiq_django.keywords import CallKeywords
from ardiq_django.plan import PlanOptions, split_options
from ardiq_django.producer import NO_CALL_OPTIONS, Call, Receipt
from ardiq_django.reading import info_of, progress_of, result_of, status_of
from ardiq_django.registry import TaskDefinition
from ardiq_django.results import Progress, Status, TaskInfo, TaskResult
from ardiq_django.schedulable import Schedulable
from ardiq_django.snapshot import Snapshot
from ardiq_django.unsent import Unsent, refuse_inside_a_loop, refuse_where_no_loop_runs
from ardiq_django.wire import Answer, StagedJob

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq
    from ardiq_django.queue import Queue

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")
V = TypeVar("V", covariant=True)  # what a job returns: of an async task, what its coroutine returns


class BoundTask(Schedulable[P], Generic[P, R]):
    """A task with the options of a call: what `task.options(...)` returns."""

    def __init__(
        self,
        app: "Ardiq",
        name: str,
        definition: TaskDefinition | None,
        options: CallOptions,
        plan_options: PlanOptions | None = None,
    ) -> None:
        self.app = app
        self.name = name
        self._own = definition
        self._options = options
        self._plan_options = plan_options

    @overload
    def enqueue(
        self: "BoundTask[P, Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs
    ) -> "Coroutine[Any, Any, Job[T]]": ...

    @overload
    def enqueue(self, *args: P.args, **kwargs: P.kwargs) -> "Coroutine[Any, Any, Job[R]]": ...

    @markcoroutinefunction
    def enqueue(self, *args: Any, **kwargs: Any) -> Any:
        """Store a job for this call; to be awaited. Returns once the broker has accepted it, or, inside an atomic
        block, once it is kept for the commit.

        Raises, before anything is sent: `TypeError` for arguments the function would refuse, `PayloadError` for a
        value that cannot be carried, `SyncContextError` where no event loop runs. Then: `JobConflict`, `BrokerError`.
        """
        refuse_where_no_loop_runs(self.name, "enqueue")
        return Unsent(self._enqueue(args, kwargs), f"enqueue of task {self.name}")

    async def _enqueue(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> "Job[Any]":
        staged = self._stage(args, kwargs)
        (receipt,) = await self.app.producer.send([(staged, self._on_commit)])
        return Job(self.app, receipt.job.id, receipt)

    @overload
    def enqueue_sync(self: "BoundTask[P, Coroutine[Any, Any, T]]", *args: P.args, **kwargs: P.kwargs) -> "Job[T]": ...

    @overload
    def enqueue_sync(self, *args: P.args, **kwargs: P.kwargs) -> "Job[R]": ...

    def enqueue_sync(self, *args: Any, **kwargs: Any) -> Any:
        """`enqueue` for ordinary views and scripts."""
        refuse_inside_a_loop("enqueue")
        staged = self._stage(args, kwargs)
        (receipt,) = self.app.producer.send_sync([(staged, self._on_commit)])
        return Job(self.app, receipt.job.id, receipt)

    def prepare(self, *args: P.args, **kwargs: P.kwargs) -> "PreparedTask":
        """This call, checked and encoded, for `app.enqueue_many`; raises what `enqueue` raises before sending."""
        return PreparedTask(self._stage(args, kwargs), self._on_commit, self.app.queue_name)

    def _stage(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> StagedJob:
        self._refuse_plan_options()
        return self.app.producer.stage(Call(self.name, self._definition, args, kwargs, self._options))


class Task(BoundTask[P, R]):
    """A declared task. Calling it runs the function in place, no broker involved."""

    def __init__(
        self, app: "Ardiq", name: str, definition: TaskDefinition | None, options: CallOptions = NO_CALL_OPTIONS
    ) -> None:
        super().__init__(app, name, definition, options)
        self.priority = definition.options.priority if definition else options.priority
        self.__doc__ = definition.fn.__doc__ if definition else None
        self.__name__ = getattr(definition.fn, "__name__", name) if definition else name

    @property
    def fn(self) -> Callable[P, R]:
        """The function; raises `TypeError` for a reference by name."""
        if self._own is None:
            raise TypeError(f"{self.name!r} is a reference by name: it can be enqueued, not called in place")
        return self._own.fn

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self._own and self._own.injection:
            self._own.injection.refuse_left_out(args, kwargs)
        return self.fn(*args, **kwargs)

    def options(self, **given: Unpack[CallKeywords]) -> BoundTask[P, R]:
        """The same task with the options of a call: `task_id`, `priority`, `delay_ms` or `delay`, `schedule_ms` or
        `at`, `expire_ms`, `unique`, `unique_for_ms`, `labels`, `enqueue_on_commit`; and for `schedule_by_…`:
        `schedule_id`, `timezone`, `misfire`, `coalesce`. Raises at once for a wrong one."""
        plan_options, own = split_options(given)
        options = call_options({"priority": self._options.priority, "unique": self._options.unique} | own)
        if options.priority is not None:
            self.app.options.check_lane(options.priority)
        return BoundTask(self.app, self.name, self._own, options, plan_options)

    def __repr__(self) -> str:
        return f"<Task {self.name} of queue {self.app.queue_name!r}>"


class PreparedTask(msgspec.Struct, frozen=True, gc=False):
    """A call that is checked and encoded, ready for `app.enqueue_many`."""

    job: StagedJob
    on_commit: str | None = None  # as its call or its task says
    queue: str = ""  # the one it was prepared for

    @property
    def id(self) -> str:
        return self.job.id

    def __repr__(self) -> str:
        return f"<PreparedTask {self.job.id!r} of task {self.job.task!r}>"


def ready(prepared: Iterable[PreparedTask], queue: str) -> list[tuple[StagedJob, str | None]]:
    """Prepared calls of a queue as they are sent: each job, and what its call or its task says of the commit."""
    calls: list[tuple[StagedJob, str | None]] = []
    for call in prepared:
        if type(call) is not PreparedTask or call.queue != queue:
            _check_prepared(call, queue)
        calls.append((call.job, call.on_commit))
    return calls


def _check_prepared(call: Any, queue: str) -> None:
    if not isinstance(call, PreparedTask):
        raise TypeError(f"{call!r} is no prepared call: give what task.prepare(…) returns")
    if call.queue not in ("", queue):
        raise ConfigError(f"{call.job.task} was prepared for queue {call.queue!r}, and is not enqueued in {queue!r}")


class Job(msgspec.Struct, Generic[V], frozen=True, eq=False, repr_omit_defaults=True, gc=False):
    """A handle to one job: the app and the id. Making one by hand with `app.job(id)` asks the broker nothing."""

    app: "Ardiq"
    id: str
    _receipt: Receipt | None = None

    @property
    def created(self) -> bool | None:
        """Whether this very enqueue made the job; None while it waits for a commit, or where it is not known."""
        return self._receipt.created if self._receipt else None

    async def result(self, timeout: float | None = None, *, interval: float | None = None) -> TaskResult[V] | None:
        """How the job ended, or None if it has not (or the result is not kept any more).

        With a `timeout` in seconds waits for the end and raises `TimeoutError` if it does not come in time. A waiter is
        woken by the end; with an `interval` in seconds it looks so often instead, where nobody may subscribe."""
        if self._receipt and self._receipt.waits_for_commit:
            raise ArdiqError(f"job {self.id} is sent when its transaction commits: there is no result to read before")
        if timeout is None:
            return result_of(await self.app.broker.get(self.id), self.app.decode)
        wait = self.app.broker.wait_end(self.id, timeout) if interval is None else self._look_for(timeout, interval)
        return result_of(await wait, self.app.decode)

    async def _look_for(self, timeout_s: float, interval_s: float) -> Snapshot:
        deadline = time.monotonic() + timeout_s
        while True:
            snapshot = await self.app.broker.get(self.id)
            if snapshot and snapshot.state.ended:
                return snapshot
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"job {self.id!r} has not ended within {timeout_s} s")
            await asyncio.sleep(min(interval_s, left_s))

    async def status(self) -> Status:
        """`queued`, `scheduled`, `running`, `complete` or `not_found`."""
        return status_of(await self.app.broker.get(self.id))

    async def info(self) -> TaskInfo | None:
        """A look at the job while it is unfinished, else None."""
        return info_of(await self.app.broker.get(self.id), self.app.decode)

    async def progress(self) -> Progress | None:
        """How far the running job says it is."""
        return progress_of(await self.app.broker.get(self.id))

    async def is_ready(self) -> bool:
        """Whether the job has ended."""
        return await self.status() is Status.COMPLETE

    async def abort(self) -> bool:
        """End the job wherever it is; False if it had ended already or is unknown. A sync task's thread is told and
        goes on until it looks at `current_task().aborted`."""
        (answer,) = await self.app.broker.abort([self.id])
        return answer is Answer.DONE

    async def retry(self) -> bool:
        """Queue a failed, aborted or expired job again: same id, fresh budget. False from any other state.

        Raises `ValueError` if the queue has no such lane any more."""
        return await self.app.replay(self.id) is not None

    async def delete(self) -> bool:
        """Remove the job with everything that is known of it; False while it runs, or if it is unknown."""
        (answer,) = await self.app.broker.delete([self.id])
        return answer is Answer.DONE

    def result_sync(self, timeout: float | None = None) -> TaskResult[V] | None:
        return self._run(self.result(timeout))

    def status_sync(self) -> Status:
        return self._run(self.status())

    def info_sync(self) -> TaskInfo | None:
        return self._run(self.info())

    def progress_sync(self) -> Progress | None:
        return self._run(self.progress())

    def is_ready_sync(self) -> bool:
        return self._run(self.is_ready())

    def abort_sync(self) -> bool:
        return self._run(self.abort())

    def retry_sync(self) -> bool:
        return self._run(self.retry())

    def delete_sync(self) -> bool:
        return self._run(self.delete())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return run_sync(self.app, coroutine)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and (self.app, self.id) == (other.app, other.id)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Job {self.id} of queue {self.app.queue_name!r}>"


async def gather(*jobs: Job[T], timeout: float | None = None) -> list[TaskResult[T] | None]:
    """The results of several jobs, in the order given; waits as `Job.result` does, for all of them together."""
    waiting = [asyncio.ensure_future(job.result(timeout)) for job in jobs]
    try:
        return await asyncio.gather(*waiting)
    finally:
        for one in waiting:
            one.cancel()


def gather_sync(*jobs: Job[T], timeout: float | None = None) -> list[TaskResult[T] | None]:
    """`gather` for ordinary views and scripts."""
    deadline = time.monotonic() + (timeout or 0)
    return [job.result_sync(None if timeout is None else max(0, deadline - time.monotonic())) for job in jobs]


def run_sync(app: "Queue", coroutine: Coroutine[Any, Any, T]) -> T:
    """The sync twin of a coroutine method that asks the app's broker."""
    try:
        refuse_inside_a_loop(getattr(coroutine, "__name__", "this"))
    except SyncContextError:
        coroutine.close()
        raise
    return app.broker.run_sync(coroutine)
