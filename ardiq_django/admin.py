"""What this package shows in Django's admin; the pages themselves live in `dashboard`."""

from django.contrib import admin

from ardiq_django.dashboard.job import Job
from ardiq_django.dashboard.jobs import JobAdminMixin
from ardiq_django.dashboard.queue import Queue
from ardiq_django.dashboard.queues import QueueAdminMixin
from ardiq_django.dashboard.schedule import Schedule
from ardiq_django.dashboard.schedules import ScheduleAdminMixin
from ardiq_django.dashboard.task import Task
from ardiq_django.dashboard.tasks import TaskAdminMixin
from ardiq_django.dashboard.worker import Worker
from ardiq_django.dashboard.workers import WorkerAdminMixin


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


def register(site: admin.AdminSite) -> None:
    """Show our pages on a site; Django's default one has them already."""
    site.register(Job, JobAdmin)
    site.register(Queue, QueueAdmin)
    site.register(Task, TaskAdmin)
    site.register(Worker, WorkerAdmin)
    site.register(Schedule, ScheduleAdmin)


register(admin.site)
