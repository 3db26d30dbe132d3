"""`python -m benchmarks.dashboard [redis postgres sqlite mariadb] [--jobs 1000000]`: each page of the admin."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.__main__ import BROKERS, server
from tests.services import make_work_dir


def main() -> int:
    """A process for each broker, since a Django process has one set of settings."""
    given = flags()
    make_work_dir()
    codes = [run(broker, ["--jobs", str(given.jobs), "--runs", str(given.runs)]) for broker in given.brokers]
    return max(codes)


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dashboard", description=__doc__)
    parser.add_argument("brokers", nargs="*", metavar="broker", help=f"{', '.join(BROKERS)}; redis and postgres")
    parser.add_argument("--jobs", type=int, default=1_000_000, help="in the store (1,000,000)")
    parser.add_argument("--runs", type=int, default=5, help="of each page (5)")
    given = parser.parse_args()
    given.brokers = given.brokers or ["redis", "postgres"]
    if unknown := set(given.brokers) - set(BROKERS):
        parser.error(f"no such broker: {', '.join(sorted(unknown))}; there are {', '.join(BROKERS)}")
    return given


def run(broker: str, given: list[str]) -> int:
    with tempfile.TemporaryDirectory(prefix="ardiq-bench-") as directory, server(broker, Path(directory)) as found:
        settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.dashboard.settings"}
        command = [sys.executable, "-m", "benchmarks.dashboard.run", broker, *given]
        return subprocess.run(command, env=os.environ | found | settings, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
