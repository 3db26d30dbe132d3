"""The index against a direct count: the whole library read here and now, without any queue."""

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from django.db.models import Count

from symbols.models import Module, Symbol
from symbols.reading import Kind, Reading, ignore_remarks, module_paths, read_module


@dataclass(frozen=True, slots=True)
class Tally:
    """One module in numbers."""

    failed: bool
    kinds: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Line:
    """One number, as the library has it and as the tables have it."""

    what: str
    counted: int
    stored: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The sums, and every module of which the tables say something else than the library."""

    lines: tuple[Line, ...]
    differing: tuple[str, ...]

    @property
    def agrees(self) -> bool:
        return not self.differing


def compare(library: Path) -> Comparison:
    """Read the whole library on all processors, and hold each of its modules against the tables."""
    counted, stored = count_library(library), count_tables()
    differing = [path for path in counted.keys() | stored.keys() if counted.get(path) != stored.get(path)]
    sums, stored_sums = _sums(counted.values()), _sums(stored.values())
    return Comparison(tuple(Line(what, sums[what], stored_sums[what]) for what in sums), tuple(sorted(differing)))


def count_library(library: Path) -> dict[str, Tally]:
    """Each module of the library, from its source."""
    paths = module_paths(library)
    with ProcessPoolExecutor(os.cpu_count(), get_context("spawn"), initializer=ignore_remarks) as pool:
        readings = pool.map(partial(read_module, library), paths, chunksize=20)
        return {reading.path: _tally(reading) for reading in readings}


def count_tables() -> dict[str, Tally]:
    """Each module of the index, from the tables."""
    kinds: dict[str, dict[str, int]] = defaultdict(dict)
    for path, kind, number in Symbol.objects.order_by().values_list("module__path", "kind").annotate(Count("pk")):
        kinds[path][kind] = number
    modules = Module.objects.values_list("path", "error")
    return {path: Tally(bool(error), kinds.get(path, {})) for path, error in modules}


def _tally(reading: Reading) -> Tally:
    return Tally(reading.error is not None, reading.counts)


def _sums(tallies: Iterable[Tally]) -> dict[str, int]:
    known = list(tallies)
    sums = {"modules": len(known), "that do not parse": sum(tally.failed for tally in known)}
    return sums | {kind.plural: sum(tally.kinds.get(kind, 0) for tally in known) for kind in Kind}
