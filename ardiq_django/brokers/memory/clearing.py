"""Which workers are to run the suspects of a queue."""

from collections.abc import Collection

from ardiq_django.brokers.clearing import Clearing


class Chosen:
    """By epoch whether a worker has yet to finish what it holds."""

    def __init__(self) -> None:
        self.draining: dict[str, bool] = {}

    def as_seen_by(self, epoch: str, living: Collection[str], suspects: int) -> Clearing:
        others = [draining for other, draining in self.draining.items() if other != epoch]
        return Clearing(len(living), others.count(False), others.count(True), suspects)

    def begin(self, epoch: str, *, draining: bool) -> None:
        self.draining[epoch] = draining

    def end(self, epoch: str) -> None:
        """It is not chosen any more, if it was."""
        self.draining.pop(epoch, None)
