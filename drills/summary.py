"""All runs of `python -m drills` in one view: those of one drill on one broker are summed up."""

import statistics
from collections.abc import Sequence

from drills.table import Finding, Table


class Summary:
    """The tables of all runs; a run that came to none does not hold."""

    def __init__(self) -> None:
        self._runs: dict[tuple[str, str], list[Table | None]] = {}

    def add(self, drill: str, broker: str, table: Table | None) -> None:
        """Take in one run."""
        self._runs.setdefault((drill, broker), []).append(table)

    @property
    def _all(self) -> list[Table | None]:
        return [table for tables in self._runs.values() for table in tables]

    @property
    def holds(self) -> bool:
        """Whether there was something, and all of it holds."""
        return bool(self._all) and all(table is not None and table.holds for table in self._all)

    def show(self) -> None:
        """Print it."""
        for (drill, broker), tables in self._runs.items():
            if len(tables) > 1:
                _show_together(f"{drill} on {broker}", [table for table in tables if table], len(tables))
        held = sum(table is not None and table.holds for table in self._all)
        print(f"\n{held} of {len(self._all)} runs hold", flush=True)


def _show_together(title: str, tables: Sequence[Table], runs: int) -> None:
    print(f"\n{title}, {len(tables)} of {runs} runs came to an end")
    for what in dict.fromkeys(finding.what for table in tables for finding in table.findings):
        same = [finding for table in tables for finding in table.findings if finding.what == what]
        print(f"  {what:<58} {_together(same):>12}  {_verdict(same)}".rstrip(), flush=True)


def _together(same: Sequence[Finding]) -> str:
    """Counts are added; of figures the longest counts, or the median of medians."""
    values, unit = [finding.value for finding in same], same[0].unit
    if not unit:
        return f"{sum(values):,.0f}"
    return f"{statistics.median(values) if same[0].what.endswith('median') else max(values):.2f} {unit}"


def _verdict(same: Sequence[Finding]) -> str:
    if all(finding.holds is None for finding in same):
        return ""
    broken = sum(finding.holds is False for finding in same)
    return f"BROKEN in {broken}" if broken else "holds"
