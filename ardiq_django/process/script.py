"""The program `ardiqworker`: `manage.py runworker` under a name that no other app owns."""

import os
import sys
from collections.abc import Sequence

from ardiq_django.process.health import check

CHECK = "--check-health"


def main() -> None:
    """Check a worker's health without loading Django, or run the command in the working directory's project."""
    given = sys.argv[1:]
    if given and given[0].partition("=")[0] == CHECK:
        sys.exit(checked(given))
    from django.core.management import execute_from_command_line

    sys.path.insert(0, os.getcwd())
    execute_from_command_line(["ardiqworker", "runworker", *given])


def checked(given: Sequence[str]) -> int | str:
    """The exit code of a health check: 0, or the sentence that is to be shown, with 1."""
    _, _, where = given[0].partition("=")
    where = where or "".join(given[1:2])
    return (check(where) or 0) if where else f"{CHECK} wants a worker's health file, or its health port"
