"""`python -m benchmarks [redis sqlite postgres] [--scale 0.1] [--runs 3]`: every scenario, on servers of its own."""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services import PostgresServer, RedisServer, Server

BROKERS = ("redis", "sqlite", "postgres")


def main() -> int:
    """Run the scenarios in one process for each broker, since a Django process has one set of settings."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("brokers", nargs="*", metavar="broker", help=", ".join(BROKERS))
    parser.add_argument("--scale", type=float, default=1.0, help="fewer jobs, or more")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    codes = [run(broker, given.scale, given.runs) for broker in given.brokers or ["redis"]]
    return max(codes)


def run(broker: str, scale: float, runs: int) -> int:
    """The scenarios on one broker."""
    command = [sys.executable, "-m", "benchmarks.run", "--scale", str(scale), "--runs", str(runs)]
    with tempfile.TemporaryDirectory(prefix="ardiq-bench-") as directory, server(broker, Path(directory)) as found:
        return subprocess.run([*command, broker], env=os.environ | found, check=False).returncode


@contextmanager
def server(broker: str, directory: Path) -> Iterator[dict[str, str]]:
    """What the settings must know of a broker's server, which runs meanwhile."""
    found = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "BENCH_SQLITE": str(directory / "bench.sqlite3")}
    if broker == "sqlite":
        yield found
        return
    kept: Server = RedisServer() if broker == "redis" else PostgresServer()
    kept.start()
    try:
        if isinstance(kept, RedisServer):
            yield found | {"BENCH_BROKER": kept.url}
        else:
            yield found | {
                "BENCH_BROKER": "database://postgres",
                "BENCH_POSTGRES_HOST": str(kept.directory),
                "BENCH_POSTGRES_USER": kept.user,
            }
    finally:
        kept.stop()


if __name__ == "__main__":
    sys.exit(main())
