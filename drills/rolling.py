"""Rolling restarts under load, with two generations of the code side by side: nothing is lost, nothing runs twice."""

import itertools
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from random import Random
from typing import Any

from ardiq_django import Job
from drills.fleet import Fleet, Worker, fleet
from drills.ground import Ground
from drills.ledger import ENDED, Ledger
from drills.load import SUCCEEDED, Load, crashes, ends, snapshots, until_all_have_ended
from drills.new.tasks import failing, in_thread, newcomer, on_loop
from drills.plan import Plan
from drills.table import Table
from drills.work import FAILURES

SEATS = (0, 2)  # one `runworker` alone, and one with two processes beneath it
SUCCESSORS = ("new", "new", "old", "old")  # so that each mix occurs: old and new, only new, new and old, only old
SHUTDOWN_TIMEOUTS_S = ("8", "25")  # every job is shorter
MIX_S = 1.0  # for which each mix works undisturbed
PUT_BACK_S = 90.0  # a job of the new code that the old put back again and again


class Producer:
    """What is enqueued: short and long, on the loop and in threads, delayed, retried, and known to new code alone."""

    def __init__(self) -> None:
        self.attempts: dict[str, int] = {}  # job id → attempts it must take
        self.newcomers: list[str] = []
        self.kinds = (
            self.soon,
            self.thread,
            self.soon,
            self.late,
            self.soon,
            self.flaky,
            self.soon,
            self.newer,
            self.long,
        )

    def soon(self, chance: Random) -> Job[Any]:
        return self._noted(on_loop.enqueue_sync(chance.uniform(0.01, 0.3)))

    def thread(self, chance: Random) -> Job[Any]:
        return self._noted(in_thread.enqueue_sync(chance.uniform(0.01, 0.3)))

    def late(self, chance: Random) -> Job[Any]:
        return self._noted(
            on_loop.options(delay_ms=chance.randrange(200, 4_000)).enqueue_sync(chance.uniform(0.01, 0.1))
        )

    def flaky(self, chance: Random) -> Job[Any]:
        return self._noted(failing.enqueue_sync(chance.uniform(0.01, 0.1)), FAILURES + 1)

    def newer(self, chance: Random) -> Job[Any]:
        job = self._noted(newcomer.enqueue_sync(chance.uniform(0.01, 0.1)))
        self.newcomers.append(job.id)
        return job

    def long(self, chance: Random) -> Job[Any]:
        return self._noted(on_loop.enqueue_sync(1.0))

    def _noted(self, job: Job[Any], attempts: int = 1) -> Job[Any]:
        self.attempts[job.id] = attempts
        return job


class Deploy:
    """Workers that are restarted one after the other, each time with the code of another generation."""

    def __init__(self, workers: Fleet) -> None:
        self._fleet = workers
        self._timeouts = itertools.cycle(SHUTDOWN_TIMEOUTS_S)
        self._seats = [self._started(code, seat) for code, seat in zip(("old", "new"), SEATS, strict=True)]
        self.took_s: list[float] = []  # from the signal to the exit
        self.made = 0
        for worker in self._seats:
            worker.until_it_serves()

    def _started(self, code: str, processes: int) -> Worker:
        return self._fleet.start(code, "--shutdown-timeout", next(self._timeouts), processes=processes)

    def restart(self, code: str) -> None:
        """Stop one, and start its successor meanwhile."""
        place = self.made % len(self._seats)
        leaving, began = self._seats[place], time.monotonic()
        leaving.stop()
        self._seats[place] = self._started(code, SEATS[place])
        leaving.ended()
        self.took_s.append(time.monotonic() - began)
        self._seats[place].until_it_serves()
        self.made += 1
        time.sleep(MIX_S)


def drill(ground: Ground, plan: Plan, table: Table) -> None:
    """As many restarts as the plan says, and then what became of every job."""
    producer = Producer()
    load = Load(producer.kinds, plan.rate)
    with fleet(ground.directory) as workers:
        deploy = Deploy(workers)
        with load.steady():
            for number in range(plan.restarts):
                is_last = number == plan.restarts - 1  # by then the deploy is over
                deploy.restart("new" if is_last else SUCCESSORS[number % len(SUCCESSORS)])
        until_all_have_ended(PUT_BACK_S)
        codes = workers.stop()
        put_back = sum(worker.said.count("job put back") for worker in workers.workers)
    tell_of_jobs(table, producer, load.accepted, Ledger(ground.ledger))
    table.count("times that old code put one back", put_back)
    table.count("restarts", deploy.made)
    table.none("workers that ended with another exit code than 0", len(codes) - codes.count(0))
    table.figure("signal to exit, median", statistics.median(deploy.took_s), "s")
    table.figure("signal to exit, longest", max(deploy.took_s), "s")


def tell_of_jobs(table: Table, producer: Producer, jobs: Sequence[Job[Any]], ledger: Ledger) -> None:
    """What must hold of them."""
    found = snapshots(jobs)
    ended = Counter(entry.job_id for entry in ledger.of(ENDED))
    tried = Counter(entry.job_id for entry in ledger.entries if entry.event != "began")
    by_old = {entry.job_id for entry in ledger.entries if entry.code == "old"}
    table.count("jobs enqueued", len(jobs))
    table.equal("ended successfully", ends(found)[SUCCEEDED], len(jobs))
    table.none("lost, or without an end", sum(one is None or not one.state.ended for one in found))
    table.none("attempts run twice", len(ledger.run_twice))
    table.none("attempts cut off", len(ledger.cut_off))
    table.none("bodies that did not end exactly once", sum(ended[job.id] != 1 for job in jobs))
    table.none("jobs with another number of attempts", sum(tried[job.id] != producer.attempts[job.id] for job in jobs))
    table.none("attempts counted as crashes", sum(map(crashes, found)))
    table.count("jobs of the task that only new code knows", len(producer.newcomers))
    table.none("of these, begun by old code", len(by_old.intersection(producer.newcomers)))
