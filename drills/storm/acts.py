"""The log of the faults: what was done to whom, and when."""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

EVERYBODY = -1
KILLED, TERMINATED, STOPPED, PARTED = "killed", "terminated", "stopped", "parted"
OUTAGE, LOST_REPLY, CUT, ENDED, STALL, SCRIPTS = "outage", "lost reply", "cut", "ended", "stall", "scripts flushed"


@dataclass(frozen=True, slots=True)
class Act:
    """One fault, or the end of a process; `seat` is the place of a worker, `pid` its process."""

    kind: str
    since_s: float
    until_s: float
    seat: int = EVERYBODY
    pid: int = 0
    code: int = 0  # of an end

    def concerns(self, seat: int, pid: int) -> bool:
        """Whether it befell this process."""
        return self.pid == pid if self.pid else self.seat in (EVERYBODY, seat)


class Acts:
    """All that was done; any thread may add to it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: list[Act] = []

    def add(self, act: Act) -> None:
        """Note an act."""
        with self._lock:
            self._made.append(act)

    def now(self, kind: str, seat: int = EVERYBODY, pid: int = 0, code: int = 0) -> None:
        """Note what takes no time."""
        at_s = time.monotonic()
        self.add(Act(kind, at_s, at_s, seat, pid, code))

    def over(self, kind: str, since_s: float, seat: int = EVERYBODY, pid: int = 0) -> None:
        """Note what began then and ends now."""
        self.add(Act(kind, since_s, time.monotonic(), seat, pid))

    def of(self, *kinds: str) -> Sequence[Act]:
        """Those of some kinds, in the order of their beginning."""
        with self._lock:
            return sorted((act for act in self._made if act.kind in kinds), key=lambda act: act.since_s)

    def write(self, path: Path) -> None:
        """Keep the log for whoever looks for a cause by eye."""
        path.write_text("".join(f"{act}\n" for act in sorted(self._made, key=lambda act: act.since_s)))
