"""`python -m benchmarks [redis sqlite postgres mariadb]`: every scenario, on servers of their own."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.peer import NAME, PeerMissing, find_python
from tests.mariadb import MariaDbServer
from tests.services import PostgresServer, RedisServer, Server, make_work_dir

BROKERS = ("redis", "sqlite", "postgres", "mariadb")
SERVERS: dict[str, Callable[[], Server]] = {"redis": RedisServer, "postgres": PostgresServer, "mariadb": MariaDbServer}


def main() -> int:
    """Run the scenarios in one process for each broker, since a Django process has one set of settings."""
    given = flags()
    make_work_dir()
    flagged = ["--scale", str(given.scale), "--runs", str(given.runs), "--only", *given.only]
    peer = peer_flags() if given.peer and "redis" in given.brokers else []
    told = [run(broker, [*flagged, *(peer if broker == "redis" else [])]) for broker in given.brokers]
    if given.json:
        given.json.write_text(json.dumps({"brokers": [one for one in told if one]}, indent=2, ensure_ascii=False))
    return 0 if all(told) else 1


def flags() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("brokers", nargs="*", metavar="broker", help=f"{', '.join(BROKERS)}; redis by default")
    parser.add_argument("--scale", type=float, default=1.0, help="fewer jobs, or more")
    parser.add_argument("--runs", type=int, default=3, help="of each scenario (3)")
    parser.add_argument(
        "--only", nargs="+", default=[], metavar="WORD", help="scenarios with one of these in their name"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there, each run too")
    parser.add_argument("--peer", action=argparse.BooleanOptionalAction, default=True, help=f"beside {NAME}, on redis")
    given = parser.parse_args()
    given.brokers = given.brokers or ["redis"]
    if unknown := set(given.brokers) - set(BROKERS):
        parser.error(f"no such broker: {', '.join(sorted(unknown))}; there are {', '.join(BROKERS)}")
    return given


def peer_flags() -> list[str]:
    try:
        return ["--peer-python", str(find_python())]
    except PeerMissing as missing:
        print(f"Skipped the comparison with {NAME}: {missing}.")
        return []


def run(broker: str, given: list[str]) -> dict[str, Any] | None:
    """The scenarios on one broker, as a document; None where they broke."""
    with tempfile.TemporaryDirectory(prefix="ardiq-bench-") as directory:
        told = Path(directory) / "told.json"
        command = [sys.executable, "-m", "benchmarks.run", broker, "--json", str(told), *given]
        with server(broker, Path(directory)) as found:
            subprocess.run(command, env=os.environ | found, check=False)
        return json.loads(told.read_text()) if told.exists() else None


@contextmanager
def server(broker: str, directory: Path) -> Iterator[dict[str, str]]:
    """What the settings must know of a broker's server, which runs meanwhile."""
    found = {"DJANGO_SETTINGS_MODULE": "benchmarks.settings", "BENCH_SQLITE": str(directory / "bench.sqlite3")}
    if broker == "sqlite":
        yield found
        return
    kept = SERVERS[broker]()
    kept.start()
    try:
        yield found | addressed(kept)
    finally:
        kept.stop()


def addressed(kept: Server) -> dict[str, str]:
    if isinstance(kept, PostgresServer):
        where = {"BENCH_POSTGRES_HOST": str(kept.directory), "BENCH_POSTGRES_USER": kept.user}
        return {"BENCH_BROKER": "database://postgres", **where}
    if isinstance(kept, MariaDbServer):
        where = {"BENCH_MARIADB_SOCKET": str(kept.socket), "BENCH_MARIADB_USER": kept.user}
        return {"BENCH_BROKER": "database://mariadb", **where}
    return {"BENCH_BROKER": kept.url}


if __name__ == "__main__":
    sys.exit(main())
