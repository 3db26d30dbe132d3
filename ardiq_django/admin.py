"""What this package shows in Django's admin; the pages themselves live in `dashboard`."""

from django.contrib import admin

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
