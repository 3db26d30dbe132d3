"""What this package shows in Django's admin; the pages themselves live in `dashboard`."""

from django.contrib import admin

from ardiq_django.dashboard.job import Job
from ardiq_django.dashboard.jobs import JobAdminMixin


class JobAdmin(JobAdminMixin, admin.ModelAdmin):  # type: ignore[type-arg]
    """The jobs of every queue."""


def register(site: admin.AdminSite) -> None:
    """Show our pages on a site; Django's default one has them already."""
    site.register(Job, JobAdmin)


register(admin.site)
