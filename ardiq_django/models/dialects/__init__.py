"""What each database is told in its own words: the clock, and the statements the hot path is made of.

Only names of ours are ever put into a statement's text; every value travels as a parameter. The live states stand
there as literals, because an index on part of a table is used only where its condition is seen in the text.
"""

import sqlite3

from django.db.backends.base.base import BaseDatabaseWrapper

from ardiq_django.exceptions import ConfigError
from ardiq_django.models.dialects.base import Dialect
from ardiq_django.models.dialects.mysql import MysqlDialect
from ardiq_django.models.dialects.postgres import PostgresDialect

__all__ = ["Dialect", "check_vendor", "dialect"]
OLDEST_SQLITE = (3, 35, 0)
_DIALECTS = {"sqlite": Dialect, "postgresql": PostgresDialect, "mysql": MysqlDialect}


def dialect(connection: BaseDatabaseWrapper) -> Dialect:
    """How to speak to this connection."""
    return _DIALECTS[connection.vendor](connection)


def check_vendor(vendor: str) -> None:
    """Raise `ConfigError` for a database that jobs cannot be kept in."""
    if vendor not in _DIALECTS:
        raise ConfigError(f"jobs cannot be kept in a {vendor} database; known: {', '.join(_DIALECTS)}")
    if vendor == "sqlite" and sqlite3.sqlite_version_info < OLDEST_SQLITE:
        oldest = ".".join(map(str, OLDEST_SQLITE))
        raise ConfigError(f"SQLite {sqlite3.sqlite_version} cannot keep jobs: {oldest} or later is needed (RETURNING)")
