"""The schedules of one queue as users hold them: planned, listed, fired by hand, cancelled."""

from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ardiq_django.clock import new_id, now_ms
from ardiq_django.config import CallOptions
from ardiq_django.exceptions import ArdiqError
from ardiq_django.handles import Job, PreparedTask, run_sync
from ardiq_django.plan import Plan, Planned
from ardiq_django.producer import Call
from ardiq_django.surroundings import around
from ardiq_django.unsent import refuse_inside_a_loop
from ardiq_django.wire import Answer

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

T = TypeVar("T")


class ScheduleInfo(NamedTuple):
    """A look at a schedule: what it calls, when, and what it did last. Times are epoch ms by the broker's clock.

    One of `spec`, `every_ms` and `at_ms` is set. A call that cannot be decoded shows as one without arguments."""

    id: str
    fn_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    spec: str
    every_ms: int
    at_ms: int
    timezone: str
    misfire: str
    coalesce: bool
    priority: str
    labels: Mapping[str, Any]
    enabled: bool
    next_fire: int | None  # None while it is disabled
    last_fire: int | None  # None before the first
    last_task_id: str | None  # the job of the last fire time, whose status and result tell what became of it
    created: int


class Schedule:
    """A handle to one schedule: the app and the id. Making one with `app.schedule(id)` asks the broker nothing.

    Of one that is declared in code the id is the name of its task; it is run, disabled and enabled like any other, and
    neither shown by `info()` nor cancelled: what is in code changes in code."""

    __slots__ = ("app", "id")

    def __init__(self, app: "Ardiq", schedule_id: str) -> None:
        self.app = app
        self.id = schedule_id

    async def info(self) -> ScheduleInfo | None:
        """A look at it; None if it is unknown: cancelled, or fired if it was to fire once."""
        row = await self.app.broker.schedules.get(self.id)
        return _info(row, self.app) if row else None

    async def cancel(self) -> bool:
        """Remove it; False if it is unknown. Once this has returned it never fires again, from no worker; a job that it
        has enqueued before stays."""
        (answer,) = await self.app.broker.schedules.unplan([self.id])
        return answer is Answer.DONE

    async def run_now(self) -> Job[Any]:
        """Enqueue its call now, as a job of its own beside those of its times; also while it is disabled.

        Raises `ArdiqError` if the schedule is unknown."""
        return (await self.app.enqueue_many([await self._call()]))[0]

    async def disable(self) -> bool:
        """Fire no more until it is enabled; False if it is unknown. Planning it again does not enable it, nor does a
        new start of a program that declares it."""
        if self._is_declared:
            return await self._switch(on=False)
        row = await self.app.broker.schedules.get(self.id)
        return row is not None and await self._replan(row.mark_ms, 0)

    async def enable(self) -> bool:
        """Fire again from now on; False if it is unknown. What passed meanwhile is not made up for, except the one time
        of a schedule that fires once."""
        if self._is_declared:
            return await self._switch(on=True)
        row = await self.app.broker.schedules.get(self.id)
        if row is None or row.is_enabled:
            return row is not None
        now = await self.app.broker.now_ms()
        return await self._replan(now, row.plan.next_ms(now))

    @property
    def _is_declared(self) -> bool:
        return self.id in self.app.registry.crons

    async def _switch(self, *, on: bool) -> bool:
        await self.app.broker.schedules.switch(self.id, on=on)
        return True

    async def _replan(self, mark_ms: int, next_ms: int) -> bool:
        return await self.app.broker.schedules.replan(self.id, mark_ms, next_ms) is Answer.DONE

    async def _call(self) -> PreparedTask:
        if self._is_declared:
            definition = self.app.registry.tasks[self.id]
            return PreparedTask(self.app.producer.stage(Call(self.id, definition, (), {}, CallOptions())))
        row = await self.app.broker.schedules.get(self.id)
        if row is None:
            raise ArdiqError(f"queue {self.app.queue_name!r} has no schedule {self.id!r}: cancelled, or fired once")
        return PreparedTask(row.plan.job_for(new_id(), now_ms()))

    def info_sync(self) -> ScheduleInfo | None:
        return self._run(self.info())

    def cancel_sync(self) -> bool:
        return self._run(self.cancel())

    def run_now_sync(self) -> Job[Any]:
        return self.app.enqueue_many_sync([self._run(self._call())])[0]

    def disable_sync(self) -> bool:
        return self._run(self.disable())

    def enable_sync(self) -> bool:
        return self._run(self.enable())

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return run_sync(self.app, coroutine)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schedule) and (self.app, self.id) == (other.app, other.id)

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"<Schedule {self.id} of queue {self.app.queue_name!r}>"


class Planner:
    """Hands plans to the broker of one app, now or at the commit of the caller's transaction."""

    def __init__(self, app: "Ardiq") -> None:
        self._app = app

    async def plan(self, plan: Plan, on_commit: str | None) -> Schedule:
        """Keep a schedule, or for the commit; the handle is there at once."""
        # under async_to_sync the loop is gone after this call, and connections made in it would go with it
        if not await around().in_callers_thread(lambda: self._plan_here(plan, on_commit)):
            await self._keep(plan)
        return Schedule(self._app, plan.id)

    def plan_sync(self, plan: Plan, on_commit: str | None) -> Schedule:
        """`plan` for synchronous callers."""
        refuse_inside_a_loop(f"schedule_by_{plan.kind}")
        self._plan_here(plan, on_commit)
        return Schedule(self._app, plan.id)

    def _plan_here(self, plan: Plan, on_commit: str | None) -> bool:
        def keep() -> None:
            self._app.broker.run_sync(self._keep(plan))

        may_wait = (on_commit or self._app.options.enqueue_on_commit) == "auto"
        if not (may_wait and around().defer(self._app.address, keep)):
            keep()
        return True

    async def _keep(self, plan: Plan) -> None:
        broker = self._app.broker
        await broker.schedules.plan([Planned.new(plan, await broker.now_ms())])

    async def page(self, limit: int, offset: int, search: str) -> list[ScheduleInfo]:
        """A look at some of the schedules."""
        page = await self._app.broker.schedules.page(offset, limit, search)
        return [_info(row, self._app) for row in page.rows]


def _info(row: Planned, app: "Ardiq") -> ScheduleInfo:
    plan, job = row.plan, row.plan.job
    args, kwargs = _arguments(job.call, app)
    return ScheduleInfo(
        id=plan.id,
        fn_name=job.task,
        args=args,
        kwargs=kwargs,
        spec=plan.spec,
        every_ms=plan.every_ms,
        at_ms=plan.at_ms,
        timezone=plan.timezone,
        misfire=plan.misfire,
        coalesce=plan.coalesce,
        priority=job.lane,
        labels=job.labels,
        enabled=row.is_enabled,
        next_fire=row.next_ms or None,
        last_fire=row.fired_ms or None,
        last_task_id=row.last_job or None,
        created=plan.created_ms,
    )


def _arguments(call: bytes, app: "Ardiq") -> tuple[tuple[Any, ...], dict[str, Any]]:
    try:
        args, kwargs = app.decode(call)
    except Exception:
        return (), {}
    return tuple(args), dict(kwargs)
