"""Which worker is to run the suspects of a queue."""

from collections.abc import Container
from dataclasses import dataclass


@dataclass(slots=True)
class Clearing:
    """One worker at a time. It may first have to finish what it holds; until it has begun, one that holds nothing takes
    its place."""

    epoch: str = ""
    is_draining: bool = False

    def is_open_to(self, epoch: str, holds_any: bool, living: Container[str]) -> bool:
        """Whether the duty may pass to this worker."""
        is_idle_instead = self.is_draining and not holds_any and self.epoch != epoch
        return is_idle_instead or self.epoch not in living

    def pass_to(self, epoch: str) -> None:
        """From now on it is this worker's duty, or with "" nobody's."""
        self.epoch, self.is_draining = epoch, True

    def begin(self) -> None:
        """The worker holds nothing any more."""
        self.is_draining = False

    def end(self, epoch: str) -> None:
        """It is the duty of this worker no longer, if it was."""
        if self.epoch == epoch:
            self.pass_to("")
