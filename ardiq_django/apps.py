"""The Django app: its label, which tables, permissions and migrations bear, and its name."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ArdiqConfig(AppConfig):
    """`ardiq_django` in INSTALLED_APPS."""

    name = "ardiq_django"
    label = "ardiq"
    verbose_name = _("Task queue")
    default_auto_field = "django.db.models.BigAutoField"
