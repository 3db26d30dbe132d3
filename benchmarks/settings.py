"""Django settings of the benchmarks; the broker's address comes from the environment."""

import os
from importlib.util import find_spec
from typing import Any

SECRET_KEY = "only for benchmarks"
USE_TZ = True
DATABASES: dict[str, dict[str, Any]] = {
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
if "BENCH_MARIADB_SOCKET" in os.environ:
    if find_spec("MySQLdb") is None:
        import pymysql

        pymysql.install_as_MySQLdb()
    DATABASES["mariadb"] = {
        "ENGINE": "django.db.backends.mysql",
        "HOST": os.environ["BENCH_MARIADB_SOCKET"],
        "NAME": "bench",
        "USER": os.environ["BENCH_MARIADB_USER"],
    }
INSTALLED_APPS = ["django.contrib.contenttypes", "django.contrib.auth", "ardiq_django", "benchmarks"]
ARDIQ = {"default": {"BROKER": os.environ.get("BENCH_BROKER", "database://default")}}
