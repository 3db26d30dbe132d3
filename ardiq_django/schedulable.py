"""What a task offers to be fired by the clock: schedules that are kept in the broker."""

from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar

from asgiref.sync import markcoroutinefunction

from ardiq_django.clock import now_ms
from ardiq_django.config import CallOptions
from ardiq_django.exceptions import ConfigError
from ardiq_django.plan import Plan, PlanOptions, When, plan_of
from ardiq_django.producer import Call
from ardiq_django.registry import TaskDefinition
from ardiq_django.stamping import with_context
from ardiq_django.unsent import Unsent, refuse_where_no_loop_runs

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq
    from ardiq_django.planner import Schedule

P = ParamSpec("P")
T = TypeVar("T")
OF_ONE_JOB = ("task_id", "delay_ms", "schedule_ms", "unique", "unique_for_ms")  # call options without a meaning here
NO_PLAN_OPTIONS = PlanOptions()


class Schedulable(Generic[P]):
    """The half of a task that makes schedules.

    The arguments behind the time are those of the task; they are checked and encoded here, once. Options of the jobs
    (`priority`, `expire_ms`, `labels`) and of the schedule (`schedule_id`, `timezone`, `misfire`, `coalesce`) are given
    before, by `task.options(...)`. A `schedule_id` that is known is planned again: the schedule takes the new call and
    options, and goes on where it was if it fires at the same times. Inside an atomic block it is kept for the commit,
    as an `enqueue` is.

    Each method raises at the call `TypeError` for arguments the function would refuse, `PayloadError` for a value that
    cannot be carried, `ConfigError` for a wrong time or option, `SyncContextError` where no event loop runs; when it is
    awaited `BrokerError`.
    """

    app: "Ardiq"
    name: str
    _own: TaskDefinition | None
    _options: CallOptions
    _plan_options: PlanOptions | None

    @property
    def _definition(self) -> TaskDefinition | None:
        # a reference may be made before the module that declares the task is imported
        return self._own or self.app.registry.tasks.get(self.name)

    @property
    def _on_commit(self) -> str | None:
        declared = self._definition.options.enqueue_on_commit if self._definition else None
        return self._options.enqueue_on_commit or declared

    @markcoroutinefunction
    def schedule_by_cron(self, spec: str, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, "Schedule"]:
        """Call the task at the times of a five-field cron expression, in the `timezone` of the options or UTC."""
        return self._unsent(self._plan(When.cron, spec, args, kwargs))

    @markcoroutinefunction
    def schedule_by_time(self, at: datetime, /, *args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, "Schedule"]:
        """Call the task once, at an aware datetime, or as soon as can be if that is over; the schedule ends with it."""
        return self._unsent(self._plan(When.once, at, args, kwargs))

    @markcoroutinefunction
    def schedule_by_interval(
        self, every: timedelta | float, /, *args: P.args, **kwargs: P.kwargs
    ) -> Coroutine[Any, Any, "Schedule"]:
        """Call the task every so many seconds; the times are aligned to the epoch."""
        return self._unsent(self._plan(When.interval, every, args, kwargs))

    def schedule_by_cron_sync(self, spec: str, /, *args: P.args, **kwargs: P.kwargs) -> "Schedule":
        return self.app.planner.plan_sync(self._plan(When.cron, spec, args, kwargs), self._on_commit)

    def schedule_by_time_sync(self, at: datetime, /, *args: P.args, **kwargs: P.kwargs) -> "Schedule":
        return self.app.planner.plan_sync(self._plan(When.once, at, args, kwargs), self._on_commit)

    def schedule_by_interval_sync(self, every: timedelta | float, /, *args: P.args, **kwargs: P.kwargs) -> "Schedule":
        return self.app.planner.plan_sync(self._plan(When.interval, every, args, kwargs), self._on_commit)

    def _unsent(self, plan: Plan) -> Coroutine[Any, Any, "Schedule"]:
        refuse_where_no_loop_runs(self.name, f"schedule_by_{plan.kind}")
        return Unsent(self.app.planner.plan(plan, self._on_commit), f"a schedule of task {self.name}")

    def _refuse_plan_options(self) -> None:
        if self._plan_options is not None:
            given = self._plan_options.given
            raise ConfigError(
                f"{self.name}: {given} for a schedule, and this is one job: call schedule_by_cron() or so"
            )

    def _plan(
        self, when: Callable[[T, PlanOptions], When], said: T, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Plan:
        options, nothing = self._plan_options or NO_PLAN_OPTIONS, CallOptions()
        for name in OF_ONE_JOB:
            if (given := getattr(self._options, name)) != getattr(nothing, name):
                raise ConfigError(f"{self.name}: {name}={given!r} is of one job, and a schedule makes many")
        if options.schedule_id in self.app.registry.crons:
            raise ConfigError(f"schedule_id={options.schedule_id!r}: a task of this name is scheduled in code")
        time = when(said, options)
        job = self.app.producer.stage(Call(self.name, self._definition, args, kwargs, self._options))
        return plan_of(options.schedule_id, with_context(self.app, job), time, options, now_ms())
