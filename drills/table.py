"""What a drill found: invariants with their counts, and figures beside them."""

import json
import os
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was counted or measured, and what must hold of it; `holds` is None where nothing must."""

    what: str
    shown: str
    wanted: str = ""
    holds: bool | None = None
    value: float = 0.0
    unit: str = ""  # of what was measured; "" for what was counted

    @property
    def verdict(self) -> str:
        return "" if self.holds is None else "holds" if self.holds else "BROKEN"


@dataclass(slots=True)
class Table:
    """The findings of one drill on one broker."""

    title: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every invariant does."""
        return all(finding.holds is not False for finding in self.findings)

    def count(self, what: str, number: int) -> None:
        """A number of which nothing must hold, but which gives the others their weight."""
        self.findings.append(Finding(what, f"{number:,}", value=number))

    def equal(self, what: str, number: int, wanted: int) -> None:
        """A number that must be exactly so."""
        self.findings.append(Finding(what, f"{number:,}", f"= {wanted:,}", number == wanted, number))

    def none(self, what: str, number: int) -> None:
        """What must not happen at all."""
        self.equal(what, number, 0)

    def figure(self, what: str, value: float, unit: str) -> None:
        """A measured value of which nothing must hold."""
        self.findings.append(Finding(what, f"{value:.2f} {unit}", value=value, unit=unit))

    def at_most(self, what: str, value: float, most: float, unit: str) -> None:
        """A measured value that must not be above a bound."""
        self.findings.append(Finding(what, f"{value:.2f} {unit}", f"<= {most:g} {unit}", value <= most, value, unit))

    def show(self) -> None:
        """Print it."""
        print(f"\n{self.title}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
        for one in self.findings:
            print(f"  {one.what:<58} {one.shown:>12}  {one.wanted:<10} {one.verdict}".rstrip(), flush=True)


def written(table: Table) -> str:
    """The table as text that `read` understands."""
    return json.dumps({"title": table.title, "findings": [asdict(finding) for finding in table.findings]})


def read(text: str) -> Table | None:
    """What was written; None where nothing was."""
    if not text:
        return None
    told = json.loads(text)
    return Table(told["title"], [Finding(**finding) for finding in told["findings"]])
