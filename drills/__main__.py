"""`python -m drills [rolling … | chaos | soak] [--broker redis] …`: each drill on each broker it concerns."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from drills.ground import BROKERS, REDUNDANT
from drills.plan import add_arguments, flags
from drills.summary import Summary
from drills.table import Table, read

DRILLS: dict[str, Sequence[str]] = {
    "rolling": BROKERS,
    "killed": BROKERS,
    "outage": ("redis", "postgres"),  # SQLite has no server that could go away
    "failover": tuple(REDUNDANT),
}
LONG: dict[str, Sequence[str]] = {  # only where they are named
    "chaos": ("redis", "postgres"),
    "soak": BROKERS,
}
ALL = {**DRILLS, **LONG}


def main() -> int:
    """Run them one after the other, each in a process of its own; the exit code is 0 if every invariant holds."""
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("drills", nargs="*", metavar="drill", help=", ".join(ALL))
    parser.add_argument(
        "--broker", action="append", choices=(*BROKERS, *REDUNDANT), help="repeatable; all that concern the drill"
    )
    add_arguments(parser)
    given = parser.parse_args()
    if unknown := set(given.drills) - set(ALL):
        parser.error(f"no such drill: {', '.join(sorted(unknown))}; there are: {', '.join(ALL)}")
    summary = Summary()
    for drill in given.drills or DRILLS:
        for broker in given.broker or ALL[drill]:
            if broker in ALL[drill]:
                run_each(drill, broker, given, summary)
    summary.show()
    return 0 if summary.holds else 1


def run_each(drill: str, broker: str, given: argparse.Namespace, summary: Summary) -> None:
    """Once, or a storm for each seed."""
    seeds = range(given.seed, given.seed + given.seeds) if drill == "chaos" else (given.seed,)
    for seed in seeds:
        summary.add(drill, broker, run(drill, broker, [*flags(given), "--seed", str(seed)]))


def run(drill: str, broker: str, told: Sequence[str]) -> Table | None:
    """In a process of its own; its table, or None if it came to none."""
    with tempfile.NamedTemporaryFile("r", prefix="ardiq-drill-table-") as file:
        command = [sys.executable, "-m", "drills.run", drill, broker, "--table", file.name, *told]
        subprocess.run(command, check=False)
        return read(file.read())


if __name__ == "__main__":
    sys.exit(main())
