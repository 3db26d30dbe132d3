"""Scenarios, their runs, and the rows that come of them: for people, and as a document."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Scenario:
    """Something to measure. With two sides their runs alternate, so that both meet the same weather, and the first is
    divided by the second, run by run."""

    name: str
    sides: Mapping[str, Callable[[], Figures]]
    is_once: bool = False  # it takes long, and steadies itself

    @classmethod
    def plain(cls, name: str, measure: Callable[[], Figures], is_once: bool = False) -> "Scenario":
        """With one side, that needs no name."""
        return cls(name, {"": measure}, is_once)

    def rows(self, runs: int, clean: Callable[[], None]) -> "list[Row]":
        """Measure each side so many times; `clean` comes before every run."""
        found: dict[str, list[Figures]] = {side: [] for side in self.sides}
        for _ in range(1 if self.is_once else runs):
            for side, measure in self.sides.items():
                clean()
                found[side].append(measure())
        rows = [Row(self.name, side, figures) for side, figures in found.items()]
        return [*rows, _quotient(*rows)] if len(rows) == 2 else rows


@dataclass(frozen=True, slots=True)
class Row:
    """The figures of one side, a set for each run."""

    scenario: str
    side: str
    runs: Sequence[Figures]

    @property
    def medians(self) -> dict[str, float]:
        return {figure: statistics.median(run[figure] for run in self.runs) for figure in self.runs[0]}

    @property
    def bests(self) -> dict[str, float]:
        return {figure: _best(figure)(run[figure] for run in self.runs) for figure in self.runs[0]}

    def document(self) -> dict[str, Any]:
        sets = {"median": self.medians, "best": self.bests, "runs": list(self.runs)}
        return {"scenario": self.scenario, "side": self.side, **sets}

    def line(self) -> str:
        """A line of the table: medians, and behind them the best."""
        title = f"    {self.side}" if self.side else f"  {self.scenario}"
        cells = [f"{short(value):>8} ({self._behind(name)}) {name}" for name, value in self.medians.items()]
        return f"{title:<38} {'   '.join(cells)}"

    def _behind(self, figure: str) -> str:
        return short(self.bests[figure])


class Quotient(Row):
    """Where no run is the best, for there are two whose luck it is."""

    def _behind(self, figure: str) -> str:
        values = [run[figure] for run in self.runs]
        return f"{short(min(values))} to {short(max(values))}"


def _quotient(first: Row, second: Row) -> Quotient:
    runs = [
        {figure: value / theirs[figure] for figure, value in ours.items() if theirs.get(figure)}
        for ours, theirs in zip(first.runs, second.runs, strict=True)
    ]
    return Quotient(first.scenario, f"{first.side} ÷ {second.side}", runs)


def _best(figure: str) -> Callable[..., float]:
    return max if figure.endswith("/s") else min


def short(value: float) -> str:
    """A figure with as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.1f}" if abs(value) >= 100 else f"{value:,.2f}"
