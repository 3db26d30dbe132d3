"""What no broker can look for: why jobs failed. Asked of each snapshot inside the window that a broker looks at."""

from dataclasses import dataclass

from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Sieve:
    """Every term must hold; the empty one lets everything pass, and is false."""

    error: str = ""  # the very type of the last error
    text: str = ""  # in the id, the task's name, the last error's type, or its message if that may be read
    reads_messages: bool = False

    def __bool__(self) -> bool:
        return bool(self.error or self.text)

    def holds(self, snapshot: Snapshot) -> bool:
        """Whether this job passes."""
        if self.error and error_type(snapshot) != self.error:
            return False
        return self.text.casefold() in "\n".join(self._read(snapshot)).casefold()

    def _read(self, snapshot: Snapshot) -> list[str]:
        read = [snapshot.job.id, snapshot.job.task, error_type(snapshot)]
        return [*read, error_message(snapshot)] if self.reads_messages else read


def error_type(snapshot: Snapshot) -> str:
    """The type of the error that a job failed with, or is retried for; what else ended it where there was none."""
    if snapshot.state not in (State.FAILED, State.RETRYING) or not snapshot.attempts:
        return ""
    return snapshot.attempts[-1].error_type or snapshot.attempts[-1].event


def error_message(snapshot: Snapshot) -> str:
    """What that error said."""
    return snapshot.attempts[-1].message if error_type(snapshot) else ""
