"""Settings of the code index: made to be read and run on a laptop, not to face the internet.

Variables of the environment change it: `BROKER` (where jobs are kept), `LIBRARY` (what is indexed) and `DEBUG`.
"""

import os
import sysconfig
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
VAR = PROJECT / "var"

SECRET_KEY = "the key of an example, which guards nothing"
DEBUG = os.environ.get("DEBUG", "1") == "1"
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

# What is indexed: the standard library of the Python that runs this, or any other directory of Python code.
STANDARD_LIBRARY = Path(sysconfig.get_path("stdlib"))
LIBRARY = Path(os.environ.get("LIBRARY") or STANDARD_LIBRARY)

# Where jobs are kept. One string moves the project from no infrastructure at all to Redis.
BROKERS = {"": "database://", "database": "database://", "memory": "memory://", "redis": "redis://127.0.0.1:6379/0"}
BROKER = os.environ.get("BROKER", "")

ARDIQ = {
    "default": {
        "BROKER": BROKERS.get(BROKER, BROKER),
        "CONCURRENCY": 8,
        # A worker that dies is given up for dead after this long, and its jobs go to another. Short, because here
        # workers are killed on purpose to see just that; the default is a minute.
        "IDLE_TIMEOUT_MS": 10_000,
    },
}

# SQLite serves one writer at a time. With these options the others wait for their turn and readers never do:
# a write-ahead log, transactions that ask for the right to write when they begin, and patience.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR / "code_index.sqlite3",
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "timeout": 20,
        },
    },
}

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "ardiq_django",
    "symbols",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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

ROOT_URLCONF = "code_index.urls"
WSGI_APPLICATION = "code_index.wsgi.application"
ASGI_APPLICATION = "code_index.asgi.application"
STATIC_URL = "static/"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
