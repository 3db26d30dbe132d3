"""What this package shows in Django's admin; the pages themselves live in `dashboard`."""

from typing import Any

from django.contrib import admin
from django.db.models import Model

from ardiq_django.dashboard.jobs.job import Job
from ardiq_django.dashboard.jobs.section import JobAdminMixin
from ardiq_django.dashboard.queues.queue import Queue
from ardiq_django.dashboard.queues.section import QueueAdminMixin
from ardiq_django.dashboard.schedules.schedule import Schedule
from ardiq_django.dashboard.schedules.section import ScheduleAdminMixin
from ardiq_django.dashboard.tasks.section import TaskAdminMixin
from ardiq_django.dashboard.tasks.task import Task
from ardiq_django.dashboard.workers.section import WorkerAdminMixin
from ardiq_django.dashboard.workers.worker import Worker

__all__ = [
    "Job", "JobAdmin", "JobAdminMixin",
    "Queue", "QueueAdmin", "QueueAdminMixin",
    "Schedule", "ScheduleAdmin", "ScheduleAdminMixin",
    "Task", "TaskAdmin", "TaskAdminMixin",
    "Worker", "WorkerAdmin", "WorkerAdminMixin",
    "register",
]  # fmt: skip


class JobAdmin(JobAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The jobs of every queue."""


class QueueAdmin(QueueAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The queues."""


class TaskAdmin(TaskAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The tasks of every queue."""


class WorkerAdmin(WorkerAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The workers of every queue."""


class ScheduleAdmin(ScheduleAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The schedules of every queue."""


ADMINS: dict[type[Model], type[Any]] = {
    Job: JobAdmin,
    Queue: QueueAdmin,
    Task: TaskAdmin,
    Worker: WorkerAdmin,
    Schedule: ScheduleAdmin,
}


def register(site: admin.AdminSite, model_admin: type[Any] = admin.ModelAdmin) -> None:
    """Show our pages on a site, made with the `ModelAdmin` of its theme, in place of those of ours that it has.

    Django's default site has them already, made with Django's own.
    """
    for model, ours in ADMINS.items():
        if site.is_registered(model):
            site.unregister(model)
        site.register(model, ours if issubclass(ours, model_admin) else type(ours.__name__, (ours, model_admin), {}))


register(admin.site)
