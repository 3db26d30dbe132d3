"""Django settings of the drills. The environment says which broker, and which generation of the code this is."""

import os

SECRET_KEY = "only for drills"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DRILL_SQLITE", "drill.sqlite3"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("DRILL_POSTGRES_HOST", ""),
        "NAME": "postgres",
        "USER": os.environ.get("DRILL_POSTGRES_USER", ""),
    },
}
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "ardiq_django",
    f"drills.{os.environ.get('DRILL_CODE', 'new')}",
]
ARDIQ = {
    "default": {
        "BROKER": os.environ.get("DRILL_BROKER", "database://default"),
        "CONCURRENCY": 8,
        "RESULT_TTL_MS": 6 * 3_600_000,  # ends are read when the drill is over
        "HISTORY_MAX": {"succeeded": 1_000_000},
    }
}
