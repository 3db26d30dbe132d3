"""What became of the attempts of a queue: figures that add up, over spans of time of three lengths."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
MOST_TASKS = 200  # by name in one bucket; what further ones did is summed under ""

# Figures are one sparse vector: counters first, then the cells of two histograms. So adding up is the same for all,
# also in Lua, and an older reader passes over the counters it does not know.
BEGUN, SUCCEEDED, FAILED, RETRIED, ABORTED = range(5)
WAIT, RUN, END = 256, 512, 768
EXACT_MS = 8  # shorter times have a cell each, and every octave from here on has four


class Resolution(StrEnum):
    """How long the span of one bucket is."""

    MINUTE = "minute"
    TEN = "ten"
    HOUR = "hour"

    @property
    def span_ms(self) -> int:
        return _SPANS[self]

    @property
    def kept_ms(self) -> int:
        """How long a bucket is kept after it began."""
        return _KEPT[self]

    def start_ms(self, at_ms: int) -> int:
        """When the bucket of that moment began."""
        return at_ms - at_ms % self.span_ms

    def oldest_ms(self, now_ms: int) -> int:
        """The first bucket that is still kept."""
        return self.start_ms(now_ms - self.kept_ms)

    def starts(self, since_ms: int, until_ms: int, now_ms: int) -> range:
        """The buckets, of those kept, that have a part in a span of time."""
        first = max(self.start_ms(since_ms), self.oldest_ms(now_ms))
        return range(first, min(until_ms, now_ms + 1), self.span_ms)


_SPANS = {Resolution.MINUTE: MINUTE_MS, Resolution.TEN: 10 * MINUTE_MS, Resolution.HOUR: HOUR_MS}
_KEPT = {Resolution.MINUTE: 8 * HOUR_MS, Resolution.TEN: 3 * 24 * HOUR_MS, Resolution.HOUR: 90 * 24 * HOUR_MS}


@dataclass(frozen=True, slots=True)
class Figures:
    """Counters and two histograms of milliseconds, as cells that are not zero."""

    cells: Mapping[int, int] = field(default_factory=dict)

    @property
    def begun(self) -> int:
        """Attempts that were begun."""
        return self.cells.get(BEGUN, 0)

    @property
    def succeeded(self) -> int:
        return self.cells.get(SUCCEEDED, 0)

    @property
    def failed(self) -> int:
        """Attempts after which the job ended as failed."""
        return self.cells.get(FAILED, 0)

    @property
    def retried(self) -> int:
        """Attempts that failed and were followed by another."""
        return self.cells.get(RETRIED, 0)

    @property
    def aborted(self) -> int:
        """Attempts that were cut off because somebody asked for it."""
        return self.cells.get(ABORTED, 0)

    def wait_ms(self, share: float) -> int | None:
        """How long, from due to begun, this share of the first attempts waited at most; 0.5 is the median.

        Right within an eighth; None if there were none."""
        return self._quantile(share, WAIT, RUN)

    def run_ms(self, share: float) -> int | None:
        """The same of how long attempts ran, whatever their end."""
        return self._quantile(share, RUN, END)

    def _quantile(self, share: float, first: int, end: int) -> int | None:
        cells = sorted((cell, number) for cell, number in self.cells.items() if first <= cell < end)
        left = share * sum(number for _, number in cells)
        for cell, number in cells:
            left -= number
            if left <= 0:
                return middle_ms(cell - first)
        return None

    def packed(self) -> bytes:
        """Its cells as one flat array: cell, number, cell, number."""
        return _pack([value for cell in self.cells.items() for value in cell])

    @classmethod
    def unpacked(cls, data: bytes) -> "Figures":
        """What was packed; nothing where it cannot be read, for no page should fail over a figure."""
        try:
            flat = iter(_unpack(data))
        except msgspec.MsgspecError:
            return cls()
        return cls(dict(zip(flat, flat, strict=False)))


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(list[int]).decode


@dataclass(frozen=True, slots=True)
class Point:
    """The figures of one bucket: of one task, or where it names none, of all or of those beyond `MOST_TASKS`."""

    start_ms: int
    figures: Figures
    task: str = ""


def cell_of(ms: int) -> int:
    """Where a time belongs in a histogram."""
    if ms < EXACT_MS:
        return max(0, ms)
    shift = ms.bit_length() - 3
    return (shift << 2) + (ms >> shift)


def middle_ms(cell: int) -> int:
    """The time a cell stands for, off by an eighth at most."""
    if cell < EXACT_MS:
        return cell
    shift = (cell >> 2) - 1
    return (((cell & 3) + 4) << shift) + (1 << shift) // 2


def total(figures: Iterable[Figures]) -> Figures:
    """All of them together."""
    cells: dict[int, int] = defaultdict(int)
    for one in figures:
        for cell, number in one.cells.items():
            cells[cell] += number
    return Figures(dict(cells))


def named(told: Mapping[str, Figures], known: Iterable[str]) -> dict[str, Figures]:
    """What is told, with the tasks for which a bucket that knows some has no room summed under ""."""
    taken = {task for task in known if task}
    kept, rest = {}, []
    for task, figures in told.items():
        if task in taken or (task and len(taken) < MOST_TASKS):
            taken.add(task)
            kept[task] = figures
        else:
            rest.append(figures)
    return {**kept, "": total(rest)} if rest else kept


def by_time(points: Iterable[Point], task: str = "") -> list[Point]:
    """One point for each bucket, whatever the tasks, in order of time."""
    found: dict[int, list[Figures]] = defaultdict(list)
    for point in points:
        found[point.start_ms].append(point.figures)
    return [Point(start_ms, total(figures), task) for start_ms, figures in sorted(found.items())]


def by_task(points: Iterable[Point]) -> dict[str, Figures]:
    """The figures of each task over all that time."""
    found: dict[str, list[Figures]] = defaultdict(list)
    for point in points:
        found[point.task].append(point.figures)
    return {task: total(figures) for task, figures in found.items()}
