"""The app: one queue, its tasks and its broker, for producers and for the worker alike."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Concatenate, Literal, ParamSpec, TypeVar, Unpack, overload

from asgiref.sync import markcoroutinefunction

from ardiq_django import origin
from ardiq_django.brokers import Broker, keeper
from ardiq_django.config import AppOptions, CallOptions
from ardiq_django.configured import Configured
from ardiq_django.context import TaskContext
from ardiq_django.exceptions import ConfigError
from ardiq_django.handles import Job, PreparedTask, Task, ready, run_sync
from ardiq_django.hooks import AppState, Hooked, Hooks
from ardiq_django.keywords import AppKeywords, MissedTimes, TaskKeywords
from ardiq_django.planner import Planner, Schedule, ScheduleInfo
from ardiq_django.producer import Producer
from ardiq_django.queue import Queue
from ardiq_django.registry import Registry, TaskDefinition
from ardiq_django.surroundings import around
from ardiq_django.unsent import Unsent, refuse_inside_a_loop, refuse_where_no_loop_runs
from ardiq_django.validation import check_title, known_keywords
from ardiq_django.worker import Worker
from ardiq_django.worker.slots import Slots

P = ParamSpec("P")
R = TypeVar("R")


class Ardiq(Configured, Queue, Hooked):
    """One queue. Making an app never connects; nothing is read from settings before something is asked of it.

    The first three arguments stand as in Ardiq; every other option is a keyword of `config.AppOptions`. An unknown
    keyword raises `TypeError` naming the nearest known one, a wrong value `ConfigError` (a `ValueError`).
    """

    def __init__(
        self,
        redis_url: str | None = None,
        queue_name: str = "default",
        priorities: Sequence[str] | None = None,
        **options: Unpack[AppKeywords],
    ) -> None:
        known_keywords(AppOptions, options, "Ardiq")
        given: dict[str, Any] = {**options, "queue_name": queue_name}
        if redis_url is not None:
            if "broker" in options:
                raise ConfigError("give either redis_url or broker, not both")
            given["broker"] = redis_url
        if priorities is not None:
            given["priorities"] = priorities
        self._begin(lambda: given)
        self.options  # noqa: B018 (a wrong option is an error here, not at first use)

    @classmethod
    def declared(cls, queue: str) -> "Ardiq":
        """The app of a queue that the settings declare; its options are read when they are first needed."""
        app = cls.__new__(cls)
        app._begin(lambda: {"task_names": "module", **around().app_options(queue), "queue_name": queue})
        return app

    def _begin(self, source: Callable[[], Mapping[str, Any]]) -> None:
        Configured.__init__(self, source)
        self._broker: Broker | None = None
        self._worker: Worker | None = None
        origin.note(self)
        self.registry = Registry()
        self.producer = Producer(self)
        self.planner = Planner(self)
        self.state = AppState()
        self.hooks = Hooks()
        self.dependency_overrides: dict[Callable[..., Any], Callable[..., Any]] = {}
        self.loop: asyncio.AbstractEventLoop | None = None  # of the running worker

    def reconfigure(self) -> None:
        """Read the options again when they are next needed, and make a new broker; tasks stay registered."""
        with self._lock:
            super().reconfigure()
            self._broker = None

    @property
    def broker(self) -> Broker:
        """The broker, made when it is first needed; it connects when it is first asked something."""
        with self._lock:
            if self._broker is None:
                self._broker = keeper(self.address)(self.address, self.options.rules)
            return self._broker

    @property
    def tasks(self) -> list[str]:
        """The names of the registered tasks."""
        return sorted(self.registry.tasks)

    @property
    def crons(self) -> list[str]:
        """The names of the tasks with a schedule."""
        return sorted(self.registry.crons)

    @overload
    def task(self, fn: Callable[P, R]) -> Task[P, R]: ...

    @overload
    def task(
        self, fn: None = None, *, takes_context: Literal[True], **options: Unpack[TaskKeywords]
    ) -> Callable[[Callable[Concatenate[TaskContext, P], R]], Task[P, R]]: ...

    @overload
    def task(
        self, fn: None = None, *, takes_context: Literal[False] = False, **options: Unpack[TaskKeywords]
    ) -> Callable[[Callable[P, R]], Task[P, R]]: ...

    def task(self, fn: Any = None, **options: Any) -> Any:
        """Declare a task, as `@app.task` or `@app.task(...)`; the options are those of `config.TaskOptions`.

        Raises `TypeError` for an unknown option, `ValueError` for a wrong value, an unknown lane or a second task
        under one name."""

        def declare(function: Callable[P, R]) -> Task[P, R]:
            return self._handle(self.registry.add(function, options, self._options_for(options)))

        return declare if fn is None else declare(fn)

    def cron(
        self,
        spec: str | None = None,
        *,
        every: timedelta | float | None = None,
        timezone: str = "UTC",
        misfire: MissedTimes = "skip",
        coalesce: bool = False,
        **options: Unpack[TaskKeywords],
    ) -> Callable[[Callable[P, R]], Task[P, R]]:
        """Declare a task that fires by itself: by a five-field cron expression, or every so many seconds.

        Each fire time becomes one job, whatever the number of workers; `misfire` says what happens to those that
        passed while no worker ran: `skip`, `once` (the last of them) or `all`. With `coalesce` a fire time is given up
        while the job of the last one has not ended. Nothing fires in burst."""

        def declare(function: Callable[P, R]) -> Task[P, R]:
            definition = self.registry.add_cron(
                function,
                dict(options),
                self._options_for(options),
                spec=spec,
                every=every,
                timezone=timezone,
                misfire=misfire,
                coalesce=coalesce,
            )
            return self._handle(definition)

        return declare

    def _options_for(self, given: Mapping[str, Any]) -> AppOptions:
        """What a task is declared by. Where the setting is wrong the declaration stands all the same, so that the
        system check can say what is wrong; so does every use."""
        try:
            return self.options
        except ConfigError:
            return AppOptions(task_names="module", priorities=(given.get("priority") or "default",))

    def _handle(self, definition: TaskDefinition) -> Task[Any, Any]:
        return Task(self, definition.name, definition)

    def ref(self, name: str, *, priority: str | None = None, unique: bool = False) -> Task[..., Any]:
        """A handle to a task by name, which need not be imported here; it cannot be called in place."""
        check_title("name", name)
        if priority is not None:
            self.options.check_lane(priority)
        return Task(self, name, None, CallOptions(priority=priority, unique=unique or None))

    def send(self, name: str, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, Job[Any]]:
        """`enqueue` by name."""
        return self.ref(name).enqueue(*args, **kwargs)

    def send_sync(self, name: str, *args: Any, **kwargs: Any) -> Job[Any]:
        """`enqueue_sync` by name."""
        return self.ref(name).enqueue_sync(*args, **kwargs)

    @markcoroutinefunction
    def enqueue_many(self, prepared: Iterable[PreparedTask]) -> Coroutine[Any, Any, list[Job[Any]]]:
        """Store prepared calls, one round trip for each 1,000, and return their jobs in order.

        Everything was checked when it was prepared. Raises `BrokerError` carrying the id of the first job that may not
        have been stored (repeating the same prepared calls is safe), and `JobConflict` after everything was sent."""
        refuse_where_no_loop_runs(f"queue {self.queue_name!r}", "enqueue_many")
        return Unsent(self._enqueue_many(prepared), "enqueue_many")

    async def _enqueue_many(self, prepared: Iterable[PreparedTask]) -> list[Job[Any]]:
        receipts = await self.producer.send(ready(prepared, self.queue_name))
        return [Job(self, receipt.job.id, receipt) for receipt in receipts]

    def enqueue_many_sync(self, prepared: Iterable[PreparedTask]) -> list[Job[Any]]:
        """`enqueue_many` for ordinary views and scripts."""
        refuse_inside_a_loop("enqueue_many")
        receipts = self.producer.send_sync(ready(prepared, self.queue_name))
        return [Job(self, receipt.job.id, receipt) for receipt in receipts]

    def job(self, task_id: str) -> Job[Any]:
        """A handle to the job with this id, known or not."""
        return Job(self, task_id)

    def schedule(self, schedule_id: str) -> Schedule:
        """A handle to the schedule with this id, known or not."""
        return Schedule(self, schedule_id)

    async def schedules(self, limit: int = 100, *, offset: int = 0, search: str = "") -> list[ScheduleInfo]:
        """The schedules that `schedule_by_…` made, in the order in which they fire next, the disabled ones last;
        `search` is for a text in the id or in the name of the task."""
        return await self.planner.page(limit, offset, search)

    def schedules_sync(self, limit: int = 100, *, offset: int = 0, search: str = "") -> list[ScheduleInfo]:
        return run_sync(self, self.schedules(limit, offset=offset, search=search))

    @property
    def is_well(self) -> bool:
        """Whether this app's worker runs and reaches its broker."""
        return self._worker is not None and self._worker.is_well

    async def run(self, slots: Slots | None = None) -> None:
        """Work until `stop()`, or in burst until nothing is left to do. An app can run again afterwards.

        `slots` are those of the process, where several apps share them. Cancelling this coroutine stops as
        `stop(now=True)`: what it cuts off is handed back unspent."""
        if self._worker is not None:
            raise RuntimeError(f"queue {self.queue_name!r}: this app is running already")
        self._worker = Worker(self, slots)
        self.loop = asyncio.get_running_loop()
        try:
            await self._worker.run()
        finally:
            self._worker = self.loop = None

    def stop(self, now: bool = False) -> None:
        """Ask the running worker to stop: finish what runs within `shutdown_timeout_s`, or hand it back `now`.

        May be called from any thread or signal handler; nothing happens if none runs."""
        worker = self._worker
        if worker is not None:
            worker.stop(now)

    def __repr__(self) -> str:
        return f"<Ardiq {self._source().get('queue_name')!r}>"
