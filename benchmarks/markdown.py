"""`python -m benchmarks.markdown bench.json`: what `--json` wrote, as the tables of docs/benchmarks.md."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.peer import NAME
from benchmarks.table import short

Told = Mapping[str, Any]


def tables(brokers: Sequence[Told]) -> Iterator[str]:
    """Medians of each broker side by side; then ours beside the peer."""
    first = brokers[0]
    yield "Python {python}, Django {django}, {cores} cores; medians of {runs}.\n".format(**first)
    yield from table(("", *(told["broker"] for told in brokers)), of_brokers(brokers))
    if beside := list(of_peer(brokers)):
        yield ""
        yield from table(("on Redis", "ours", NAME, "ours ÷ theirs"), beside)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield from (f"| {' | '.join(cells)} |" for cells in (head, ["---", *["---:"] * (len(head) - 1)], *rows))


def of_brokers(brokers: Sequence[Told]) -> list[list[str]]:
    """A row for each figure of each scenario, a cell for each broker; empty where it has none."""
    cells = [{name: value for name, value in _named(told) if NAME not in name} for told in brokers]
    names = dict.fromkeys(name for found in cells for name in found)
    return [[name, *(short(found[name]) if name in found else "" for found in cells)] for name in names]


def of_peer(brokers: Sequence[Told]) -> Iterator[list[str]]:
    """A row for each figure of each scenario that both sides run."""
    rows = [row for told in brokers for row in told["rows"] if row["scenario"].startswith(NAME)]
    for ours, theirs, quotient in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        scenario = ours["scenario"].removeprefix(f"{NAME}: ")
        for figure in ours["median"]:
            yield [f"{scenario}: {figure}", *(short(row["median"][figure]) for row in (ours, theirs, quotient))]


def _named(told: Told) -> Iterator[tuple[str, float]]:
    for row in told["rows"]:
        side = f", {row['side']}" if row["side"] else ""
        yield from ((f"{row['scenario']}{side}: {figure}", value) for figure, value in row["median"].items())


if __name__ == "__main__":
    print("\n".join(tables(json.loads(Path(sys.argv[1]).read_text())["brokers"])))
