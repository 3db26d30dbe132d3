"""Which attempt ran where and when: a file beyond all faults, to which each adds a line as it begins and as it ends."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ardiq_django import current_task

BEGAN, ENDED, RAISED, GAP = "began", "ended", "raised", "gap"
NEVER = float("inf")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One run of a body. Times are by the clock that all processes of this machine share."""

    job_id: str
    queue: str
    tries: int
    requeues: int
    crashes: int
    claim: int
    nonce: str
    pid: int
    began_s: float = 0.0
    ended_s: float = NEVER  # of one that was cut off: never
    error: str = ""  # the type of what it raised

    @property
    def rank(self) -> tuple[int, int, int]:
        """Where it stands among the attempts of its job: each that is handed out later, but for what was handed back
        unspent, ranks higher."""
        return self.tries, self.requeues, self.crashes

    @property
    def failed_as_planned(self) -> bool:
        return self.error == "Planned"


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which the event loop of a process did not run."""

    pid: int
    since_s: float
    until_s: float


@contextmanager
def begun() -> Iterator[Attempt]:
    """Around the body of a job: notes that it began and how it ended."""
    context = current_task()
    said, nonce = context.delivery, os.urandom(6).hex()
    spent = (context.tries, context.requeues, said.crashes, said.claim)
    _write(BEGAN, nonce, context.task_id, context.queue, *spent)
    try:
        yield Attempt(context.task_id, context.queue, *spent, nonce, os.getpid())
    except BaseException as error:
        _write(RAISED, nonce, type(error).__name__)
        raise
    _write(ENDED, nonce)


def write_gap(since_s: float, until_s: float) -> None:
    """Note a stretch in which this process did not run."""
    _write(GAP, "-", f"{since_s:.6f}", f"{until_s:.6f}")


def _write(event: str, nonce: str, *more: object) -> None:
    words = (f"{time.monotonic():.6f}", event, nonce, os.getpid(), *more)
    # one small write to a file that was opened to append is one piece, whoever else writes
    with open(os.environ["DRILL_LEDGER"], "a") as file:
        file.write(" ".join(map(str, words)) + "\n")


class Journal:
    """What was written."""

    def __init__(self, path: Path) -> None:
        self.attempts: dict[str, Attempt] = {}  # by nonce
        self.gaps: list[Gap] = []
        for line in path.read_text().splitlines():
            at_s, event, nonce, pid, *more = line.split(" ")
            self._read(float(at_s), event, nonce, int(pid), more)

    def _read(self, at_s: float, event: str, nonce: str, pid: int, more: list[str]) -> None:
        match event:
            case "began":
                job_id, queue = more[:2]
                tries, requeues, crashes, claim = map(int, more[2:])
                self.attempts[nonce] = Attempt(job_id, queue, tries, requeues, crashes, claim, nonce, pid, at_s)
            case "ended" | "raised":
                error = more[0] if more else ""
                self.attempts[nonce] = replace(self.attempts[nonce], ended_s=at_s, error=error)
            case "gap":
                self.gaps.append(Gap(pid, float(more[0]), float(more[1])))

    @property
    def by_process(self) -> dict[int, list[Attempt]]:
        """The attempts that each process began, in that order."""
        found: dict[int, list[Attempt]] = {}
        for attempt in sorted(self.attempts.values(), key=lambda one: one.began_s):
            found.setdefault(attempt.pid, []).append(attempt)
        return found

    @property
    def by_job(self) -> dict[str, list[Attempt]]:
        """The attempts of each job, in the order in which they were handed out."""
        found: dict[str, list[Attempt]] = {}
        for attempt in sorted(self.attempts.values(), key=lambda one: (*one.rank, one.began_s)):
            found.setdefault(attempt.job_id, []).append(attempt)
        return found
