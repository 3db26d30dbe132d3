"""The workers of the chaos drill: a `runworker` in each seat, behind a wire of its own."""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from drills.fleet import Fleet, Worker
from drills.patience import until
from drills.storm.acts import ENDED, KILLED, STOPPED, TERMINATED, Acts

SHUTDOWN_TIMEOUTS_S = ("0.5", "25")  # some are to hand back what they run
LOOK_EVERY_S = 0.02
QUEUES = 2


@dataclass(slots=True)
class Reign:
    """One process in its seat, from its start to its end."""

    seat: int
    worker: Worker
    started_s: float
    serves_since_s: float = float("inf")
    ended_s: float = float("inf")
    was_told_to_stop: bool = False
    stopped_since_s: float = 0.0  # it is frozen since then; 0 if it is not

    @property
    def pid(self) -> int:
        return self.worker.pid

    @property
    def is_frozen(self) -> bool:
        return self.stopped_since_s > 0

    @property
    def serves(self) -> bool:
        return self.serves_since_s < float("inf")


class Seats:
    """Who sits where, now and before. A thread of its own fills a seat again as soon as its process has ended."""

    def __init__(self, fleet: Fleet, places: Sequence[Mapping[str, str]], acts: Acts) -> None:
        self.reigns: list[Reign] = []
        self._fleet = fleet
        self._places = places
        self._acts = acts
        self.held: list[Reign] = [self._filled(seat) for seat in range(len(places))]
        self._over = threading.Event()

    def _filled(self, seat: int) -> Reign:
        timeout = SHUTDOWN_TIMEOUTS_S[len(self.reigns) % len(SHUTDOWN_TIMEOUTS_S)]
        worker = self._fleet.start("storm", "--shutdown-timeout", timeout, environment=self._places[seat])
        self.reigns.append(Reign(seat, worker, time.monotonic()))
        return self.reigns[-1]

    @contextmanager
    def kept_filled(self) -> Iterator[None]:
        """Until the end of the block nobody stays away for long."""
        thread = threading.Thread(target=self._keep, name="drill-seats", daemon=True)
        thread.start()
        try:
            until(lambda: all(reign.serves for reign in self.held), "all workers serve")
            yield
        finally:
            self._over.set()
            thread.join()

    def _keep(self) -> None:
        while not self._over.wait(LOOK_EVERY_S):
            for seat, reign in enumerate(self.held):
                if not reign.worker.is_running:
                    reign.ended_s = time.monotonic()
                    self._acts.now(ENDED, seat, reign.pid, reign.worker.ended())
                    self.held[seat] = self._filled(seat)
                elif not reign.serves and reign.worker.said.count("worker began") >= QUEUES:
                    reign.serves_since_s = time.monotonic()

    def pick(self, seat: int, fits: Callable[[Reign], bool]) -> Reign | None:
        """Who serves at this seat, or at the next where somebody does of whom this is so."""
        for place in range(seat, seat + len(self.held)):
            reign = self.held[place % len(self.held)]
            if reign.serves and reign.worker.is_running and fits(reign):
                return reign
        return None

    def kill(self, reign: Reign) -> None:
        self._acts.now(KILLED, reign.seat, reign.pid)
        os.kill(reign.pid, signal.SIGKILL)

    def terminate(self, reign: Reign) -> None:
        self._acts.now(TERMINATED, reign.seat, reign.pid)
        reign.was_told_to_stop = True
        reign.worker.stop()

    def freeze(self, reign: Reign) -> None:
        reign.stopped_since_s = time.monotonic()
        os.kill(reign.pid, signal.SIGSTOP)

    def thaw(self, reign: Reign) -> None:
        if reign.is_frozen:
            with contextlib.suppress(ProcessLookupError):  # it was killed meanwhile
                os.kill(reign.pid, signal.SIGCONT)
            self._acts.over(STOPPED, reign.stopped_since_s, reign.seat, reign.pid)
            reign.stopped_since_s = 0.0
