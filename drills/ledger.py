"""Who ran what, told outside of the broker: a file to which each attempt adds a line as its body begins and ends."""

import os
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ardiq_django import current_task

BEGAN, ENDED, RAISED = "began", "ended", "raised"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line. `at_s` is by the clock that all processes of this machine share."""

    at_s: float
    event: str
    job_id: str
    attempt: int
    pid: int
    code: str  # the generation of the code that ran it


@contextmanager
def noted() -> Iterator[int]:
    """Around the body of a job: notes that it began, and how it ended; gives the number of the attempt."""
    context = current_task()
    _write(BEGAN, context.task_id, context.tries)
    try:
        yield context.tries
    except BaseException:
        _write(RAISED, context.task_id, context.tries)
        raise
    _write(ENDED, context.task_id, context.tries)


def _write(event: str, job_id: str, attempt: int) -> None:
    words = (f"{time.monotonic():.6f}", event, job_id, str(attempt), str(os.getpid()), os.environ["DRILL_CODE"])
    # one small write to a file that was opened to append is one piece, whoever else writes
    with open(os.environ["DRILL_LEDGER"], "a") as file:
        file.write(" ".join(words) + "\n")


class Ledger:
    """The file, of which each look reads what is new: who watches a fleet is not to take its CPU."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self._file = path.open()
        self._rest = ""  # of a line that is just being written
        self._read: list[Entry] = []

    def close(self) -> None:
        """Look no more."""
        self._file.close()

    @property
    def entries(self) -> Sequence[Entry]:
        """All there are by now, in the order written."""
        *lines, self._rest = (self._rest + self._file.read()).split("\n")
        for at_s, event, job_id, attempt, pid, code in map(str.split, lines):
            self._read.append(Entry(float(at_s), event, job_id, int(attempt), int(pid), code))
        return self._read

    def of(self, event: str) -> list[Entry]:
        """The entries of one kind."""
        return [entry for entry in self.entries if entry.event == event]

    @property
    def run_twice(self) -> list[str]:
        """The jobs of which one attempt began more than once."""
        begins = Counter((entry.job_id, entry.attempt) for entry in self.of(BEGAN))
        return sorted({job_id for (job_id, _), times in begins.items() if times > 1})

    @property
    def cut_off(self) -> list[Entry]:
        """The attempts that began and never came to an end of their own."""
        open_yet: dict[tuple[str, int, int], Entry] = {}
        for entry in self.entries:
            key = (entry.job_id, entry.attempt, entry.pid)
            if entry.event == BEGAN:
                open_yet[key] = entry
            else:
                open_yet.pop(key, None)
        return list(open_yet.values())

    def running_in(self, pid: int) -> Sequence[Entry]:
        """What a process has begun and not ended."""
        return [entry for entry in self.cut_off if entry.pid == pid]
