"""Django settings of the tests: a file of SQLite, and a real PostgreSQL which starts when a test asks for it.

A MariaDB stands beside them where ARDIQ_TEST_MARIADB names one.

The test databases bear the names of the databases, so that the worker processes a test starts see the same rows.
"""

from importlib.util import find_spec
from typing import Any

from tests.programs import wants_mariadb
from tests.services import PostgresServer, work_dir

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "tests.urls"
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "ardiq_django",
    "tests.shop",
]

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

SQLITE_FILE = str(work_dir() / "tests.sqlite3")

DATABASES: dict[str, dict[str, Any]] = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": SQLITE_FILE,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
            "timeout": 20,
        },
        "TEST": {"NAME": SQLITE_FILE},
    },
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(work_dir() / "postgres"),
        "NAME": "ardiq",
        "USER": PostgresServer.user,
        "TEST": {"NAME": "ardiq"},
    },
}

if wants_mariadb():
    from tests.mariadb import MariaDbServer

    if find_spec("MySQLdb") is None:  # mysqlclient, which is tested instead where it is installed
        import pymysql

        pymysql.install_as_MySQLdb()
    DATABASES["mariadb"] = {
        "ENGINE": "django.db.backends.mysql",
        "HOST": str(MariaDbServer(work_dir() / "mariadb").socket),
        "NAME": "ardiq",
        "USER": MariaDbServer.user,
        "TEST": {"NAME": "ardiq"},
    }
