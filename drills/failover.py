"""The server that keeps the queue dies or hangs under load, and another takes its place: what it takes along, and how
soon all goes on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from ardiq_django import BrokerError, Job, PreparedTask, app
from drills.fleet import fleet
from drills.ground import Ground
from drills.ledger import BEGAN, ENDED, Ledger
from drills.load import SUCCEEDED, Load, crashes, ends, snapshots, until_all_have_ended
from drills.new.tasks import in_thread, on_loop
from drills.outage import serving
from drills.patience import TookTooLong, until
from drills.plan import Plan
from drills.redundant import FAILOVER_MS, Redundant
from drills.table import Table

WAYS = KILLED, FROZEN = "killed", "frozen"
SEATS = (0, 2)  # one `runworker` alone, and one with two processes beneath it
WITHIN_S = 10.0
WINDOW_S = 1.0  # so far a replica may be behind: what the stated window says
CALM_S = 2 * FAILOVER_MS / 1000 + 2.0  # sentinels let two failovers not follow one another sooner
EMPTY_S = 60.0
AGAIN_S = 0.05


class Producer:
    """Asks for each job until it is accepted; notes when the call began that was, and how often it was refused."""

    def __init__(self) -> None:
        self.called_s: dict[str, float] = {}
        self.answered_s: dict[str, float] = {}
        self.refused = 0

    def soon(self, chance: Random) -> Job[Any]:
        return self._insist(on_loop.prepare(chance.uniform(0.05, 0.25)))

    def thread(self, chance: Random) -> Job[Any]:
        return self._insist(in_thread.prepare(chance.uniform(0.05, 0.25)))

    def _insist(self, call: PreparedTask) -> Job[Any]:
        for _ in range(int(EMPTY_S / AGAIN_S)):
            called_s = time.monotonic()
            try:
                (job,) = app.enqueue_many_sync([call])
            except BrokerError:
                self.refused += 1
                time.sleep(AGAIN_S)
            else:
                self.called_s[job.id], self.answered_s[job.id] = called_s, time.monotonic()
                return job
        raise TookTooLong("a job is not accepted any more")


@dataclass(frozen=True, slots=True)
class Loss:
    """One server that was killed or frozen between these times, and when a job that came after began."""

    how: str
    before_s: float
    after_s: float
    consumed_s: float

    def may_take(self, at_s: float) -> bool:
        """Whether what was written then may have been lost with the server."""
        return self.before_s - WINDOW_S <= at_s <= self.after_s + AGAIN_S


def drill(ground: Ground, plan: Plan, table: Table) -> None:
    """As many losses as the plan says, by death and by hanging in turn; each is back as a replica before the next."""
    servers = ground.redundant
    assert servers is not None
    ledger, producer = Ledger(ground.ledger), Producer()
    load = Load((producer.soon, producer.soon, producer.thread), plan.rate)
    with fleet(ground.directory) as workers:
        made = [workers.start("new", processes=processes) for processes in SEATS]
        for worker in made:
            worker.until_it_serves()
        before = serving(made)
        with load.steady():
            time.sleep(2)
            losses = [lose(servers, WAYS[number % 2], ledger, producer) for number in range(plan.failovers)]
        until_all_have_ended(EMPTY_S)
        after = serving(made)
        codes = workers.stop()
    tell_of_jobs(table, load.accepted, producer, losses, ledger)
    table.none("worker processes that were restarted", len(set(before) - set(after)))
    table.none("workers that ended with another exit code than 0", len(codes) - codes.count(0))
    table.count("times that the producer was refused", producer.refused)
    for how in WAYS:
        took = [loss.consumed_s - loss.after_s for loss in losses if loss.how == how]
        if took:
            table.at_most(f"{how} to the first job that came after, longest", max(took), WITHIN_S, "s")


def lose(servers: Redundant, how: str, ledger: Ledger, producer: Producer) -> Loss:
    """Lose the server that keeps the queue; return once all has gone on and it is back, as a replica."""
    owner, before_s = servers.owner(app.queue_name), time.monotonic()
    owner.kill() if how == KILLED else owner.pause()
    after_s = time.monotonic()

    def consumed_s() -> float:
        called_s = producer.called_s
        begins = [one.at_s for one in ledger.of(BEGAN) if called_s.get(one.job_id, 0.0) > after_s]
        return min(begins, default=0.0)

    until(lambda: consumed_s() > 0, "jobs that came after begin", EMPTY_S)
    loss = Loss(how, before_s, after_s, consumed_s())
    owner.start() if how == KILLED else owner.resume()
    time.sleep(CALM_S)
    until(lambda: servers.is_whole(app.queue_name), "the lost server is back as a replica")
    return loss


def tell_of_jobs(
    table: Table, jobs: Sequence[Job[Any]], producer: Producer, losses: Sequence[Loss], ledger: Ledger
) -> None:
    """What must hold of them: what is amiss happened within the window before a loss."""

    def may_be_lost(*times_s: float) -> bool:
        return any(loss.may_take(at_s) for loss in losses for at_s in times_s)

    found = snapshots(jobs)
    lost = [job.id for job, one in zip(jobs, found, strict=True) if one is None]
    written = [entry for entry in ledger.entries if entry.event in (BEGAN, ENDED)]
    again = ledger.run_twice
    explained = {entry.job_id for entry in written if may_be_lost(entry.at_s)}
    table.count("servers killed or frozen", len(losses))
    table.count("jobs accepted", len(jobs))
    table.count("of these, lost with a server", len(lost))
    table.none("lost, and accepted before the window", sum(not may_be_lost(producer.answered_s[one]) for one in lost))
    table.equal("all others ended successfully", ends(found)[SUCCEEDED], len(jobs) - len(lost))
    table.count("run again, as their claim or end was lost", len(again))
    table.none("run again without such a cause", len(set(again) - explained))
    table.none("attempts counted as crashes", sum(map(crashes, found)))
