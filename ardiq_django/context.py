"""What a running task can ask about itself: `current_task()`."""

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from ardiq_django.exceptions import Reject, Requeue
from ardiq_django.lineage import Children, others
from ardiq_django.wire import Delivery

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq
    from ardiq_django.worker.logs import Log

_current: ContextVar["TaskContext"] = ContextVar("ardiq_current_task")


@dataclass(slots=True, eq=False)
class TaskContext:
    """One attempt, seen from inside."""

    app: "Ardiq"
    delivery: Delivery = field(repr=False)  # it holds the arguments
    worker_id: str
    start_ms: int
    aborted: bool = False  # this job is to end; what cannot be cancelled, a thread, should look at it now and then
    progress_made: tuple[float, float | None, str] | None = None
    cancel: Callable[[], object] | None = field(default=None, repr=False)
    call: Sequence[Any] = field(default=((), {}), repr=False)  # the arguments, once they are decoded
    log: "Log | None" = field(default=None, repr=False)  # made by the first line that is logged
    children: Children | None = field(default=None, repr=False)  # made by the first job that it enqueues

    @property
    def task_id(self) -> str:
        return self.delivery.job.id

    @property
    def name(self) -> str:
        return self.delivery.job.task

    @property
    def key(self) -> str:
        """`<queue>:<job id>`."""
        return f"{self.app.queue_name}:{self.delivery.job.id}"

    @property
    def tries(self) -> int:
        """The number of this attempt, from 1."""
        return self.delivery.tries

    @property
    def requeues(self) -> int:
        """How often the job was put back without spending an attempt."""
        return self.delivery.requeues

    @property
    def queue(self) -> str:
        return self.app.queue_name

    @property
    def labels(self) -> Mapping[str, Any]:
        return self.delivery.job.labels

    @property
    def args(self) -> tuple[Any, ...]:
        """The positional arguments of the call."""
        return tuple(self.call[0])

    @property
    def kwargs(self) -> dict[str, Any]:
        """The keyword arguments of the call."""
        return dict(self.call[1])

    @property
    def headers(self) -> Mapping[str, Any]:
        """What `on_enqueue` hooks and context providers gave the job to take along."""
        return others(self.delivery.job.headers)

    @property
    def enqueue_time(self) -> int:
        """Epoch ms."""
        return self.delivery.job.enqueued_ms

    @property
    def state(self) -> Any:
        """The app's state."""
        return self.app.state

    @property
    def enqueued(self) -> tuple[str, ...]:
        """What is stored of the jobs that this attempt enqueued: see `Children.told`."""
        return self.children.told if self.children else ()

    def note_child(self, key: str) -> None:
        """Remember a job that this attempt enqueued."""
        if self.children is None:
            self.children = Children()
        self.children.add(key)

    def requeue(self, delay_ms: int = 0) -> NoReturn:
        """Put the job back without spending this attempt."""
        raise Requeue(delay_ms)

    def reject(self, reason: str) -> NoReturn:
        """Fail the job for good, at once."""
        raise Reject(reason)

    async def progress(self, current: float, total: float | None = None, message: str = "") -> None:
        """Say how far this job is; it is stored with the worker's beat, about once a second."""
        self.progress_made = (current, total, message)

    def progress_sync(self, current: float, total: float | None = None, message: str = "") -> None:
        """The same from a sync task."""
        self.progress_made = (current, total, message)


def current_task() -> TaskContext:
    """The context of the task that runs here; raises `LookupError` outside of one."""
    try:
        return _current.get()
    except LookupError:
        raise LookupError("current_task() is only there while a worker runs a task") from None


def task_here() -> TaskContext | None:
    """The same, or None outside of a task."""
    return _current.get(None)


def enter(context: TaskContext) -> None:
    """Make `context` the current one of this task's or thread's context."""
    _current.set(context)
