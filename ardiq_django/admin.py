"""What this package shows in Django's admin; the pages themselves live in `dashboard`."""

from django.contrib import admin

from ardiq_django.dashboard.job import Job
from ardiq_django.dashboard.jobs import JobAdminMixin


@admin.register(Job)
class JobAdmin(JobAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The jobs of every queue."""
