"""The scenarios on the broker that the environment names, as a table on standard output."""

import argparse
import json
import os
import platform
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from ardiq_django import app  # noqa: E402
from benchmarks import memory, producing, scenarios, tasks  # noqa: E402
from benchmarks import peer as peers  # noqa: E402
from benchmarks.table import Scenario  # noqa: E402

ALIASES = {"sqlite": "default", "postgres": "postgres", "mariadb": "mariadb"}


class Scale:
    """How many jobs a scenario takes."""

    def __init__(self, factor: float) -> None:
        self._factor = factor

    def __call__(self, number: int) -> int:
        return max(100, int(number * self._factor))


def of_ours(jobs: Scale) -> Iterator[Scenario]:
    """What is measured on every broker."""
    one, dispatch, calculation = Scenario.plain, scenarios.dispatch, scenarios.calculation
    for concurrency, number in ((100, 100_000), (16, 50_000), (10, 50_000)):
        yield one(f"no-op async, concurrency {concurrency}", partial(dispatch, jobs(number), concurrency))
    yield one("no-op sync, concurrency 16", partial(dispatch, jobs(20_000), 16, tasks.nothing_sync))
    yield two_processes(jobs(200_000))
    yield one("I/O of 10 ms async, concurrency 100", partial(dispatch, jobs(50_000), 100, tasks.nap))
    yield one("CPU of 1 ms async, concurrency 16", partial(calculation, jobs(5_000), 16, tasks.calculate))
    yield one("CPU of 1 ms sync, concurrency 16", partial(calculation, jobs(5_000), 16, tasks.calculate_sync))
    yield one("ORM query async, concurrency 16", partial(dispatch, jobs(10_000), 16, tasks.query))
    yield one("ORM query sync, concurrency 16", partial(dispatch, jobs(10_000), 16, tasks.query_sync))
    yield one("enqueue in bulk", partial(scenarios.enqueue, producing.in_bulk, jobs(100_000)))
    yield one("enqueue by gather, 100 at once", partial(scenarios.enqueue, producing.gathered, jobs(10_000)))
    yield one("enqueue one by one", partial(scenarios.enqueue, producing.one_by_one, jobs(5_000)))
    yield one("enqueue one by one, sync", partial(scenarios.enqueue_sync, jobs(5_000)))
    yield one("idle enqueue to start", partial(scenarios.idle_latency, jobs(300)))


def two_processes(number: int) -> Scenario:
    """What a second process is worth."""
    sides = {
        "two": partial(scenarios.dispatch, number, 100, processes=2),
        "one": partial(scenarios.dispatch, number, 100),
    }
    return Scenario("no-op async, two processes or one", sides)


def of_memory(broker: str, jobs: Scale) -> Iterator[Scenario]:
    """What a worker holds. The example project runs on Redis and on its own SQLite."""
    if broker in ("redis", "sqlite"):
        address = app.address if broker == "redis" else "database"
        yield Scenario.plain("memory at rest, example project", partial(memory.at_rest, address))
    yield Scenario.plain("memory growth, no-op async", partial(memory.growth, jobs(500_000)), is_once=True)


def beside_peer(peer: peers.Peer, jobs: Scale) -> Iterator[Scenario]:
    """Ours and Ardiq, run by run."""
    for concurrency in (100, 16):
        of = jobs(50_000), concurrency
        yield versus(
            f"no-op async, concurrency {concurrency}", partial(scenarios.dispatch, *of), partial(peer.dispatch, *of)
        )
    for name, way, number in (
        ("enqueue in bulk", producing.in_bulk, 100_000),
        ("enqueue by gather, 100 at once", producing.gathered, 10_000),
        ("enqueue one by one", producing.one_by_one, 5_000),
    ):
        yield versus(name, partial(scenarios.enqueue, way, jobs(number)), partial(peer.enqueue, way, jobs(number)))
    number = jobs(300)
    yield versus("idle enqueue to start", partial(scenarios.idle_latency, number), partial(peer.idle_latency, number))


def versus(name: str, ours: "partial[producing.Figures]", theirs: "partial[producing.Figures]") -> Scenario:
    return Scenario(f"{peers.NAME}: {name}", {"ours": ours, peers.NAME: theirs})


def chosen(given: argparse.Namespace) -> list[Scenario]:
    """Every scenario that this broker has and in whose name one of the words stands."""
    jobs = Scale(given.scale)
    every = [*of_ours(jobs), *of_memory(given.broker, jobs)]
    if given.peer_python:
        every += beside_peer(peers.Peer(given.peer_python), jobs)
    words = [word.lower() for word in given.only]
    found = [scenario for scenario in every if not words or any(word in scenario.name.lower() for word in words)]
    if not found:
        print(f"  nothing is called so; there are: {', '.join(scenario.name for scenario in every)}")
    return found


def clean(broker: str) -> None:
    """Forget what earlier runs left: each begins with an empty broker."""
    if broker == "redis":
        from redis import Redis

        with Redis.from_url(app.address) as server:
            server.flushall()
    else:
        call_command("flush", database=ALIASES[broker], interactive=False, verbosity=0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("broker")
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--runs", type=int, required=True)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--json", type=Path, required=True)
    parser.add_argument("--peer-python", type=Path)
    given = parser.parse_args()
    if given.broker == "mariadb":
        create_database("mariadb")
    # the default database is made even where the broker is another: Django's own apps live there
    for alias in {"default", ALIASES.get(given.broker, "default")}:
        call_command("migrate", database=alias, verbosity=0)
    measure(given)


def create_database(alias: str) -> None:
    """Where the server brings none to begin with."""
    with connections[alias]._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {connections[alias].settings_dict['NAME']} CHARACTER SET utf8mb4")


def measure(given: argparse.Namespace) -> None:
    """Print each row as it comes, and write them all."""
    about = {
        "broker": given.broker,
        "python": platform.python_version(),
        "django": django.get_version(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "scale": given.scale,
        "runs": given.runs,
    }
    said = "{broker}, Python {python}, Django {django}, {cores} cores, load {load}, median of {runs} (best)"
    print("\n" + said.format(**about), flush=True)
    found = []
    for scenario in chosen(given):
        if len(scenario.sides) > 1:
            print(f"  {scenario.name}", flush=True)
        for row in scenario.rows(given.runs, partial(clean, given.broker)):
            print(row.line(), flush=True)
            found.append(row.document())
    given.json.write_text(json.dumps({**about, "rows": found}))


if __name__ == "__main__":
    main()
