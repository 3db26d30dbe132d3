"""What became of the inputs, summed up over a whole run."""

from collections import Counter

COLUMNS = ("inputs", "refused at the call", "visible failed", "decoded fine", "worker deaths")


class Ledger:
    """One line for each kind of input."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}

    def add(self, kind: str, column: str, number: int = 1) -> None:
        """Note what became of an input; it counts as one, but for a worker's death."""
        assert column in COLUMNS
        counts = self._counts.setdefault(kind, Counter())
        counts[column] += number
        if column != "worker deaths":
            counts["inputs"] += number

    def lines(self) -> list[str]:
        """A table, with a line for all together."""
        if not self._counts:
            return []
        total = sum(self._counts.values(), Counter[str]())
        rows = [*sorted(self._counts.items()), ("all", total)]
        head = f"{'':26}" + "".join(f"{column:>21}" for column in COLUMNS)
        return [head, *(f"{kind:26}" + "".join(f"{counts[one]:>21,}" for one in COLUMNS) for kind, counts in rows)]


LEDGER = Ledger()
