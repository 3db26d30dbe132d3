"""The settings of the benchmarks, with an admin; nothing that ended is dropped."""

from typing import Any

from benchmarks import settings
from benchmarks.settings import DATABASES, SECRET_KEY, USE_TZ  # noqa: F401

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    *settings.INSTALLED_APPS,
]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
ARDIQ: dict[str, Any] = {
    "default": {
        **settings.ARDIQ["default"],
        "PRIORITIES": ["low", "default", "high"],
        "HISTORY_MAX": {"succeeded": 1_000_000, "failed": 1_000_000},
    }
}
