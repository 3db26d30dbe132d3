"""How much a run is to prove: a sample beside all other tests, or everything, with figures, where `make proof` asks."""

import os
from dataclasses import dataclass, field

STEP = int(os.environ.get("ARDIQ_PROOF", "0"))  # every so many commands are befallen: 1 for all, 0 for a sample
WHOLE = STEP > 0


@dataclass(slots=True)
class Sheet:
    """A table of what was proven, printed when all is over."""

    title: str
    columns: tuple[str, ...]
    rows: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        self.rows.append(tuple(map(str, cells)))

    def lines(self) -> list[str]:
        """As Markdown, so that it can go into the documentation as it is."""
        table = [self.columns, tuple("---" for _ in self.columns), *self.rows]
        return [f"{self.title}:", "", *(f"| {' | '.join(cells)} |" for cells in table), ""]


ENUMERATION = Sheet("faults", ("broker", "runs", "faults fired", "violations", "leases lost", "slowest recovery"))
MODEL = Sheet("model", ("broker", "runs", "steps", "disagreements"))
SEARCH = Sheet("search", ("depth", "states", "transitions", "violations"))
SIMULATION = Sheet("simulation", ("seeds", "jobs", "faults", "deaths", "violations", "virtual time"))
MUTANTS = Sheet("mutants", ("mutant", "caught by", "of suites"))
SHEETS = (ENUMERATION, MODEL, SEARCH, SIMULATION, MUTANTS)
