"""`python -m drills [rolling killed outage] [--broker redis] …`: each drill on each broker it concerns."""

import argparse
import subprocess
import sys
from collections.abc import Sequence

from drills.ground import BROKERS
from drills.plan import add_arguments, flags

DRILLS: dict[str, Sequence[str]] = {
    "rolling": BROKERS,
    "killed": BROKERS,
    "outage": ("redis", "postgres"),  # SQLite has no server that could go away
}


def main() -> int:
    """Run them one after the other, each in a process of its own; the exit code is 0 if every invariant holds."""
    parser = argparse.ArgumentParser(prog="python -m drills", description=__doc__)
    parser.add_argument("drills", nargs="*", metavar="drill", help=", ".join(DRILLS))
    parser.add_argument("--broker", action="append", choices=BROKERS, help="repeatable; all that concern the drill")
    add_arguments(parser)
    given = parser.parse_args()
    if unknown := set(given.drills) - set(DRILLS):
        parser.error(f"no such drill: {', '.join(sorted(unknown))}; there are: {', '.join(DRILLS)}")
    codes = [
        subprocess.run([sys.executable, "-m", "drills.run", drill, broker, *flags(given)], check=False).returncode
        for drill in given.drills or DRILLS
        for broker in given.broker or DRILLS[drill]
        if broker in DRILLS[drill]
    ]
    print(f"\n{codes.count(0)} of {len(codes)} drills hold")
    return 0 if codes and not any(codes) else 1


if __name__ == "__main__":
    sys.exit(main())
