"""The storm itself: each blow of the forecast falls at its time."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from drills.storm import forecast
from drills.storm.acts import CUT, OUTAGE, SCRIPTS, Acts
from drills.storm.forecast import Blow
from drills.storm.keep import Keep
from drills.storm.seats import Reign, Seats
from drills.storm.wire import Wires

Step = Callable[[], object]
AGAIN_AFTER_S = 0.25


class Weather:
    """Carries out a forecast."""

    def __init__(self, seats: Seats, wires: Wires, keep: Keep, acts: Acts) -> None:
        self.seats = seats
        self.wires = wires
        self._keep = keep
        self._acts = acts
        self._parted: set[int] = set()
        self._steps: list[tuple[float, int, Step]] = []
        self._count = itertools.count()
        self._outages: list[threading.Thread] = []
        self.passed_by = 0  # blows that found nobody who could take them

    def rage(self, blows: Sequence[Blow]) -> None:
        """Return when the last is over and all that was stopped goes on."""
        began_s = time.monotonic()
        for blow in blows:
            self._at(began_s + blow.at_s, lambda blow=blow: self._strike(blow))  # type: ignore[misc]
        while self._steps:
            at_s, _, step = heapq.heappop(self._steps)
            time.sleep(max(0.0, at_s - time.monotonic()))
            step()
        for outage in self._outages:
            outage.join()

    def _at(self, at_s: float, step: Step) -> None:
        heapq.heappush(self._steps, (at_s, next(self._count), step))

    def _after(self, length_s: float, step: Step) -> None:
        self._at(time.monotonic() + length_s, step)

    def _strike(self, blow: Blow) -> None:
        match blow.kind:
            case forecast.OUTAGE:
                self._outages.append(threading.Thread(target=self._fail, args=(blow.length_s,)))
                self._outages[-1].start()
            case forecast.CUT:
                self._acts.now(CUT)
                self._keep.cut_connections()
            case forecast.SCRIPTS:
                self._acts.now(SCRIPTS)
                self._keep.forget_scripts()
            case _:
                self._strike_one(blow)

    def _strike_one(self, blow: Blow) -> None:
        victim = self.seats.pick(blow.seat, self._is_untouched)
        if victim is None or (blow.kind == forecast.KILL and self._others_serving(victim) == 0):
            self._pass_by(blow)
            return
        match blow.kind:
            case forecast.KILL:
                self.seats.kill(victim)
            case forecast.TERMINATE:
                self.seats.terminate(victim)
            case forecast.STOP:
                self.seats.freeze(victim)
                self._after(blow.length_s, lambda: self.seats.thaw(victim))
            case forecast.PART:
                self._part(victim.seat)
                self._after(blow.length_s, lambda: self._heal(victim.seat))

    def _pass_by(self, blow: Blow) -> None:
        """Whoever is to be killed was lucky; for the rarer blows somebody may come yet."""
        if blow.kind == forecast.KILL or blow.patience_s <= 0:
            self.passed_by += 1
        else:
            later = replace(blow, patience_s=blow.patience_s - AGAIN_AFTER_S)
            self._after(AGAIN_AFTER_S, lambda: self._strike(later))

    def _others_serving(self, victim: Reign) -> int:
        # where a start takes long, kills would leave nobody to be stopped or cut off
        return sum(one is not victim and one.serves and one.worker.is_running for one in self.seats.held)

    def _is_untouched(self, reign: Reign) -> bool:
        # those that are cut off are to come back as zombies
        return not reign.is_frozen and not reign.was_told_to_stop and reign.seat not in self._parted

    def _part(self, seat: int) -> None:
        self._parted.add(seat)
        self.wires.call(self.wires.all[seat].part)

    def _heal(self, seat: int) -> None:
        self._parted.discard(seat)
        self.wires.call(self.wires.all[seat].heal)

    def _fail(self, length_s: float) -> None:
        since_s = time.monotonic()
        self._keep.crash()
        time.sleep(length_s)
        self._keep.come_back()
        self._acts.over(OUTAGE, since_s)
