"""ardiq-django: the task queue for Django.

`from ardiq_django import app, get_app, task` in a Django project; `Ardiq(...)` anywhere. Importing this package reads
no settings and never loads Django's database layer.
"""

from typing import TYPE_CHECKING, Any

from ardiq_django.ardiq import Ardiq
from ardiq_django.context import TaskContext, current_task
from ardiq_django.declared import get_app, task
from ardiq_django.exceptions import (
    ArdiqError,
    BrokerError,
    ConfigError,
    JobConflict,
    PayloadError,
    QueueFull,
    Reject,
    Requeue,
    Retry,
    SyncContextError,
    TaskFailed,
)
from ardiq_django.handles import Job, PreparedTask, Task, gather, gather_sync
from ardiq_django.hooks import EnqueueContext, ErrorContext
from ardiq_django.planner import Schedule, ScheduleInfo
from ardiq_django.provider import ContextProvider
from ardiq_django.queue import DeadLetter
from ardiq_django.results import State, Status, TaskInfo, TaskResult

if TYPE_CHECKING:
    from ardiq_django.receipts import once

    app: Ardiq

__version__ = "0.1.0"
__all__ = [
    "Ardiq",
    "ArdiqError",
    "BrokerError",
    "ConfigError",
    "ContextProvider",
    "DeadLetter",
    "EnqueueContext",
    "ErrorContext",
    "Job",
    "JobConflict",
    "PayloadError",
    "PreparedTask",
    "QueueFull",
    "Reject",
    "Requeue",
    "Retry",
    "Schedule",
    "ScheduleInfo",
    "State",
    "Status",
    "SyncContextError",
    "Task",
    "TaskContext",
    "TaskFailed",
    "TaskInfo",
    "TaskResult",
    "current_task",
    "gather",
    "gather_sync",
    "get_app",
    "once",
    "task",
]


def __getattr__(name: str) -> Any:
    # the default queue's app exists only where settings declare it, so it is looked up when it is asked for
    if name == "app":
        return get_app()
    if name == "once":  # it loads the database layer
        from ardiq_django.receipts import once

        return once
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
