"""What can go wrong, each a thing a caller would catch.

    ArdiqError
    ├── BrokerError        the broker could not be reached or refused; carries the job's id
    ├── QueueFull          as many jobs wait as `max_queue` allows; carries the job's id
    ├── JobConflict        another call stands under that id
    ├── PayloadError       a value the codec cannot carry, or too much of it (also a TypeError)
    ├── SyncContextError   an async call where no loop runs, or a sync one where one does
    ├── ConfigError        a wrong option or setting (also a ValueError)
    └── TaskFailed         raised from the recorded error of a failed job

`Retry`, `Requeue` and `Reject` are raised by a task's body to say how its attempt should end.
"""

from ardiq_django.clock import LONGEST_MS


class ArdiqError(Exception):
    """The base of every error this package raises."""


class BrokerError(ArdiqError):
    """The broker could not be reached, or refused; `job_id` is the id the call had already been given."""

    def __init__(self, message: str, job_id: str | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id


class LeaseLost(ArdiqError):
    """This worker's lease was taken back: whatever it held belongs to others now."""


class JobConflict(ArdiqError):
    """The id belongs to a job of another task or with other arguments."""

    def __init__(self, job_id: str) -> None:
        super().__init__(
            f"job id {job_id!r} belongs to another call: use another task_id, or wait until that job's record is gone"
        )
        self.job_id = job_id


class QueueFull(ArdiqError):
    """As many jobs wait as `max_queue` allows: `refused` jobs of this call were not stored, the first is `job_id`.

    The same call may be repeated; of prepared calls, those that were stored are met and not doubled."""

    def __init__(self, message: str, job_id: str | None = None, refused: int = 1) -> None:
        super().__init__(message)
        self.job_id = job_id
        self.refused = refused


class PayloadError(ArdiqError, TypeError):
    """A value cannot be carried, or is larger than `max_payload_bytes`; the message names it and the remedy."""


class SyncContextError(ArdiqError, RuntimeError):
    """The call does not fit its surroundings: async without a loop, or blocking inside one."""


class ConfigError(ArdiqError, ValueError):
    """A wrong option, setting, lane or address; the message names the value and what is known."""


class TaskFailed(ArdiqError):
    """A job ended without success: its value is the text of this exception.

    Where an attempt raised an error, that stands in `error_type`, `message` and `traceback` (also shown as a note).
    """

    def __init__(self, value: str, error_type: str = "", message: str = "", traceback: str = "") -> None:
        super().__init__(value)
        self.error_type = error_type
        self.message = message
        self.traceback = traceback
        if traceback:
            self.add_note(traceback.rstrip())


class Retry(Exception):
    """Ask for another attempt, within the budget; `delay_ms` None means now."""

    def __init__(self, message: str = "", delay_ms: float | None = None) -> None:
        super().__init__(message)
        self.delay_ms = None if delay_ms is None else _whole_ms(delay_ms)


class Requeue(Exception):
    """Put the job back without spending an attempt, to run again after `delay_ms`."""

    def __init__(self, delay_ms: float = 0) -> None:
        super().__init__(f"requeued with a delay of {delay_ms} ms")
        self.delay_ms = _whole_ms(delay_ms)


class Reject(Exception):
    """Fail the job for good, at once, whatever is left of its budget."""


def _whole_ms(delay_ms: float) -> int:
    # checked where it is written: a broker could do nothing with it
    if not isinstance(delay_ms, int | float):
        raise TypeError(f"delay_ms={delay_ms!r}: give a number of milliseconds")
    return min(max(0, int(delay_ms)), LONGEST_MS)
