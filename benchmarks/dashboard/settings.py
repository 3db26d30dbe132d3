"""The settings of the benchmarks, with an admin; nothing that ended is dropped."""

from typing import Any

from benchmarks import settings
from benchmarks.settings import DATABASES, SECRET_KEY, USE_TZ  # noqa: F401
from tests.settings import MIDDLEWARE, ROOT_URLCONF, STATIC_URL, TEMPLATES  # noqa: F401

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *settings.INSTALLED_APPS,
]
ALLOWED_HOSTS = ["*"]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
ARDIQ: dict[str, Any] = {
    "default": {
        **settings.ARDIQ["default"],
        "PRIORITIES": ["low", "default", "high"],
        "HISTORY_MAX": {"succeeded": 1_000_000, "failed": 1_000_000},
    }
}
