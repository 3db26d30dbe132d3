"""`python -m drills.run <drill> <broker>`: one drill on one broker, ending in its table."""

import argparse
import os
import shutil
import sys
import tempfile
from importlib import import_module
from pathlib import Path

import django

from drills.ground import Ground, ground
from drills.plan import add_arguments, plan_of
from drills.table import Table, written


def main() -> int:
    """Run it; the exit code is 0 if every invariant holds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("drill")
    parser.add_argument("broker")
    parser.add_argument("--table", type=Path, help="a file for the table, to be read by a program")
    add_arguments(parser)
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="ardiq-drill-") as directory,
        ground(given.broker, Path(directory), given.drill) as made,
    ):
        set_up(made)
        table = Table(f"{given.drill} on {given.broker}")
        # only now, since its tasks are declared as it is imported
        import_module(f"drills.{given.drill}").drill(made, plan_of(given), table)
        table.show()
        if given.table:
            given.table.write_text(written(table))
        if not table.holds:
            print(f"  its files are kept in {kept(made)}", flush=True)
        return 0 if table.holds else 1


def kept(made: Ground) -> Path:
    """A copy of what the drill wrote: the ledger, and the log of each worker."""
    copy = Path(tempfile.mkdtemp(prefix="ardiq-drill-broken-"))
    for file in made.directory.iterdir():
        if file.is_file():
            shutil.copy(file, copy)
    return copy


def set_up(made: Ground) -> None:
    """Make this process the producer: Django with the settings of this ground, and its tables."""
    os.environ |= made.environment
    django.setup()
    from django.core.management import call_command

    # the default database is made even where the broker is another: Django's own apps live there
    for alias in dict.fromkeys(("default", made.alias)):
        call_command("migrate", database=alias, verbosity=0)


if __name__ == "__main__":
    sys.exit(main())
