"""What no broker can look for: why jobs failed. Asked of each snapshot inside the window that a broker looks at."""

from dataclasses import dataclass

from ardiq_django.snapshot import Erred


@dataclass(frozen=True, slots=True)
class Sieve:
    """Every term must hold; the empty one lets everything pass, and is false."""

    error: str = ""  # the very type of the last error
    text: str = ""  # in the id, the task's name, the last error's type, or its message if that may be read
    reads_messages: bool = False

    def __bool__(self) -> bool:
        return bool(self.error or self.text)

    def holds(self, one: Erred) -> bool:
        """Whether this job passes."""
        if self.error and one.error != self.error:
            return False
        read = [one.job_id, one.task, one.error, *([one.message] if self.reads_messages else [])]
        return self.text.casefold() in "\n".join(read).casefold()
