"""The scenarios on the broker that the environment names, as a table on standard output."""

import argparse
import os
import statistics
from collections.abc import Callable

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from benchmarks import scenarios  # noqa: E402

Figures = scenarios.Figures


def table(scale: float) -> dict[str, Callable[[], Figures]]:
    """Every scenario by name."""

    def jobs(number: int) -> int:
        return max(100, int(number * scale))

    return {
        "no-op async, concurrency 100": lambda: scenarios.dispatch(jobs(100_000), 100),
        "no-op async, concurrency 16": lambda: scenarios.dispatch(jobs(50_000), 16),
        "no-op async, concurrency 10": lambda: scenarios.dispatch(jobs(50_000), 10),
        "no-op sync, concurrency 16": lambda: scenarios.sync_dispatch(jobs(20_000), 16),
        "enqueue in bulk": lambda: scenarios.bulk_enqueue(jobs(100_000)),
        "enqueue one by one": lambda: scenarios.one_by_one(jobs(5_000)),
        "enqueue one by one, sync": lambda: scenarios.one_by_one_sync(jobs(5_000)),
        "idle enqueue to start": lambda: scenarios.idle_latency(jobs(300)),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("broker")
    parser.add_argument("--scale", type=float, required=True)
    parser.add_argument("--runs", type=int, required=True)
    given = parser.parse_args()
    # the default database is made even where the broker is another: Django's own apps live there
    for alias in ("default", "postgres"):
        if alias == "default" or given.broker == "postgres":
            call_command("migrate", database=alias, verbosity=0)
    print(f"\n{given.broker}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, median of {given.runs} (best)")
    for name, scenario in table(given.scale).items():
        print(line(name, [fresh(scenario) for _ in range(given.runs)]), flush=True)


def fresh(scenario: Callable[[], Figures]) -> Figures:
    """One run that begins with an empty queue."""
    figures = scenario()
    scenarios.empty()
    return figures


def line(name: str, runs: list[Figures]) -> str:
    """A row of the table."""
    cells = []
    for figure in runs[0]:
        values = [run[figure] for run in runs]
        best = max(values) if figure.endswith("/s") else min(values)
        cells.append(f"{statistics.median(values):>10,.1f} ({best:,.1f}) {figure}")
    return f"  {name:<30} {'   '.join(cells)}"


if __name__ == "__main__":
    main()
