"""Django settings of the benchmarks; the broker's address comes from the environment."""

import os

SECRET_KEY = "only for benchmarks"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("BENCH_SQLITE", "bench.sqlite3"),
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        },
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": os.environ.get("BENCH_POSTGRES_HOST", ""),
        "NAME": os.environ.get("BENCH_POSTGRES_NAME", "postgres"),
        "USER": os.environ.get("BENCH_POSTGRES_USER", ""),
    },
}
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "ardiq_django", "benchmarks"]
ARDIQ = {"default": {"BROKER": os.environ.get("BENCH_BROKER", "database://default")}}
