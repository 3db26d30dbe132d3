"""Worker processes that are killed while they run jobs: how soon these start again, and that no others do."""

import os
import signal
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from ardiq_django import Job
from drills.fleet import Worker, fleet
from drills.ground import Ground
from drills.ledger import BEGAN, Entry, Ledger
from drills.load import SUCCEEDED, Load, crashes, ends, snapshots, until_all_have_ended
from drills.new.tasks import in_thread, on_loop, waiting
from drills.patience import until
from drills.plan import Plan
from drills.table import Table

CALM_S = 10.5  # a process that lived so long is no failing one, after which the supervisor rests
WITHIN_S = 2.0
EMPTY_S = 60.0


@dataclass(frozen=True, slots=True)
class Kill:
    """One killed process, what it ran then, and whether its sibling had to go on with a long job."""

    pid: int
    at_s: float
    cut_off: Sequence[Entry]
    sibling_was_busy: bool

    def waits_s(self, begins: Sequence[Entry]) -> list[float]:
        """How long each of its jobs waited until it began again; one that has not is missing."""
        waits: dict[str, float] = {}
        ids = {entry.job_id for entry in self.cut_off}
        for entry in begins:
            if entry.at_s > self.at_s and entry.job_id in ids:
                waits.setdefault(entry.job_id, entry.at_s - self.at_s)
        return list(waits.values())


class Killer:
    """Kills one of two processes after the other."""

    def __init__(self, ground: Ground, worker: Worker, ledger: Ledger) -> None:
        self._directory = ground.directory
        self._worker = worker
        self._ledger = ledger
        self.made: list[Kill] = []
        self.long: list[Job[Any]] = []

    def kill(self, sibling_is_busy: bool) -> None:
        """Kill a process that runs no long job; return when its jobs run again and all have calmed down."""
        sign = self._directory / f"sign-{len(self.made)}"
        keeper = self._occupy(sign) if sibling_is_busy else 0
        before = set(self._worker.serving)
        victim = min(before - {keeper})
        until(lambda: len(self._ledger.running_in(victim)) >= 2, "it runs jobs", look_every_s=0.01)
        at_s = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        until(lambda: len(set(self._worker.serving) - before) == 1, "another process takes its place")
        self.made.append(Kill(victim, at_s, self._ledger.running_in(victim), sibling_is_busy))
        until(lambda: self._have_begun_again(self.made[-1]), "its jobs began again", EMPTY_S)
        sign.touch()
        time.sleep(CALM_S)

    def _have_begun_again(self, kill: Kill) -> bool:
        return len(kill.waits_s(self._ledger.of(BEGAN))) == len(kill.cut_off)

    def _occupy(self, sign: Path) -> int:
        """Give one of them a job that goes on until the sign is there; its process."""
        job = waiting.enqueue_sync(str(sign))
        self.long.append(job)
        until(lambda: any(entry.job_id == job.id for entry in self._ledger.of(BEGAN)), "a long job runs")
        (entry,) = [entry for entry in self._ledger.of(BEGAN) if entry.job_id == job.id]
        return entry.pid


def soon(chance: Random) -> Job[Any]:
    return on_loop.enqueue_sync(chance.uniform(0.05, 0.25))


def thread(chance: Random) -> Job[Any]:
    return in_thread.enqueue_sync(chance.uniform(0.05, 0.25))


def drill(ground: Ground, plan: Plan, table: Table) -> None:
    """As many kills as the plan says, every other one beside a busy sibling."""
    ledger, load = Ledger(ground.ledger), Load((soon, soon, thread), plan.rate)
    with fleet(ground.directory) as workers:
        worker = workers.start("new", processes=2)
        worker.until_it_serves()
        killer = Killer(ground, worker, ledger)
        with load.steady():
            time.sleep(CALM_S)
            for number in range(plan.kills):
                killer.kill(sibling_is_busy=number % 2 == 1)
        until_all_have_ended(EMPTY_S)
        codes = workers.stop()
    tell_of_jobs(table, [*load.accepted, *killer.long], killer.made, ledger)
    tell_of_times(table, killer.made, ledger)
    table.none("supervisors that ended with another exit code than 0", len(codes) - codes.count(0))


def tell_of_jobs(table: Table, jobs: Sequence[Job[Any]], kills: Sequence[Kill], ledger: Ledger) -> None:
    """What must hold of them."""
    found = dict(zip([job.id for job in jobs], snapshots(jobs), strict=True))
    cut_off = {entry.job_id for kill in kills for entry in kill.cut_off}
    killed = {kill.pid for kill in kills}
    in_killed = {entry.job_id for entry in ledger.of(BEGAN) if entry.pid in killed}
    table.count("processes killed", len(kills))
    table.count("jobs enqueued", len(jobs))
    table.equal("ended successfully", ends(list(found.values()))[SUCCEEDED], len(jobs))
    table.none("lost, or without an end", sum(one is None or not one.state.ended for one in found.values()))
    table.count("jobs that were running in a process as it was killed", len(cut_off))
    table.equal("of these, with the crash counted", sum(crashes(found[job_id]) > 0 for job_id in cut_off), len(cut_off))
    twice = set(ledger.run_twice)
    table.none("jobs of the siblings run twice", len(twice - in_killed))
    table.count("run twice, having ended but not been settled", len(twice & in_killed - cut_off))


def tell_of_times(table: Table, kills: Sequence[Kill], ledger: Ledger) -> None:
    """How soon they began again."""
    begins = ledger.of(BEGAN)
    for is_busy, beside in ((False, "a sibling that is free"), (True, "a sibling with a long job")):
        waits = [wait for kill in kills if kill.sibling_was_busy is is_busy for wait in kill.waits_s(begins)]
        if waits:
            table.figure(f"kill to start beside {beside}, median", statistics.median(waits), "s")
            table.at_most(f"kill to start beside {beside}, longest", max(waits), WITHIN_S, "s")
