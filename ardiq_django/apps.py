"""The Django app: when Django is ready, the ring is in place and every app's `tasks` module is imported."""

import sys
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from django.apps import AppConfig, apps
from django.core.signals import setting_changed
from django.utils.functional import Promise
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy as _


class ArdiqConfig(AppConfig):
    """`ardiq_django` in INSTALLED_APPS."""

    name = "ardiq_django"
    label = "ardiq"
    verbose_name = _("Task queue")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from django.db.models import Model

        from ardiq_django import checks, codec, connections, surroundings

        surroundings.install(connections.DjangoSurroundings())
        codec.adapt(Promise, str)
        codec.adapt(Model, _refuse_model)
        checks.register_all()
        setting_changed.connect(_reconfigure, dispatch_uid="ardiq")
        # with wrong settings the tasks could not be declared; the system check says what is wrong
        if not checks.check_settings():
            discover()


def discover() -> None:
    """Import `tasks` of every installed app; where it is a package, its modules too."""
    autodiscover_modules("tasks")
    for config in apps.get_app_configs():
        package = f"{config.name}.tasks"
        module = sys.modules.get(package)
        for found in iter_modules(getattr(module, "__path__", ())):
            import_module(f"{package}.{found.name}")


def _refuse_model(instance: Any) -> Any:
    from ardiq_django.exceptions import PayloadError

    # of the model, also where request.user is passed, which is a lazy object of another type
    name = instance._meta.object_name
    remedy = f"pass its primary key ({instance.pk!r}) and fetch the {name} in the task"
    raise PayloadError(f"an instance of {name} cannot be carried: {remedy}")


def _reconfigure(*, setting: str, **_: Any) -> None:
    if setting == "ARDIQ":
        from ardiq_django.declared import apps_in_use

        for app in apps_in_use():
            app.reconfigure()
