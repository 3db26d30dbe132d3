"""A broker that goes away for a while: its workers wait for it at little cost, and go on soon after it is back."""

import time
from collections.abc import Sequence
from typing import Any

from ardiq_django import Job, app
from drills.fleet import Worker, cpu_share_of, fleet
from drills.ground import Ground
from drills.ledger import BEGAN, Entry, Ledger
from drills.load import SUCCEEDED, crashes, ends, snapshots, until_all_have_ended
from drills.new.tasks import in_thread, on_loop, waiting
from drills.patience import until
from drills.plan import Plan
from drills.table import Table

SEATS = (0, 2)  # one `runworker` alone, and one with two processes beneath it
HELD = 6  # jobs that run when the broker goes, and end while it is away
WAITING = 300  # jobs enqueued as soon as the broker answers: work for every process until the last is back
DUE = 10  # jobs that fall due while it is away
NOTICED_S = 3.0  # after the broker went; what a worker does then is its dying connections, and not the waiting
WITHIN_S = 5.0
CPU_PERCENT = 2.0
EMPTY_S = 120.0


def drill(ground: Ground, plan: Plan, table: Table) -> None:
    """One outage; jobs run when it begins, fall due in it, and are enqueued when it is over."""
    assert ground.server is not None
    ledger, sign = Ledger(ground.ledger), ground.directory / "sign"
    with fleet(ground.directory) as workers:
        made = [workers.start("new", processes=processes) for processes in SEATS]
        for worker in made:
            worker.until_it_serves()
        before = serving(made)
        jobs: list[Job[Any]] = [waiting.enqueue_sync(str(sign)) for _ in range(HELD)]
        jobs += [on_loop.options(delay_ms=int(plan.outage_s * 500)).enqueue_sync(0.05) for _ in range(DUE)]
        until(lambda: len(ledger.of(BEGAN)) == HELD, "jobs run")
        forget_connections()

        ground.server.stop()
        time.sleep(NOTICED_S)
        with cpu_share_of([pid for worker in made for pid in worker.all_pids]) as shares:
            sign.touch()
            time.sleep(plan.outage_s - NOTICED_S)
        ground.server.start()
        back_s = time.monotonic()

        jobs += app.enqueue_many_sync((on_loop if number % 2 else in_thread).prepare(0.5) for number in range(WAITING))
        until_all_have_ended(EMPTY_S)
        after = serving(made)
        codes = workers.stop()
    tell_of_jobs(table, jobs, ledger)
    table.none("worker processes that were restarted", len(set(before) - set(after)))
    table.none("workers that ended with another exit code than 0", len(codes) - codes.count(0))
    tell_of_times(table, ledger.of(BEGAN), back_s, before)
    table.figure("length of the outage", plan.outage_s, "s")
    table.at_most("CPU of a process meanwhile, the busiest", 100 * max(shares), CPU_PERCENT, "%")


def serving(workers: Sequence[Worker]) -> list[int]:
    """The processes that run jobs."""
    return [pid for worker in workers for pid in worker.serving]


def forget_connections() -> None:
    """The producer begins anew after the outage, as another process would."""
    from django.db import connections

    app.broker.run_sync(app.broker.close())
    connections.close_all()


def tell_of_jobs(table: Table, jobs: Sequence[Job[Any]], ledger: Ledger) -> None:
    """What must hold of them."""
    found = snapshots(jobs)
    table.count("jobs enqueued", len(jobs))
    table.equal("ended successfully", ends(found)[SUCCEEDED], len(jobs))
    table.none("lost, or without an end", sum(one is None or not one.state.ended for one in found))
    table.count("of these, running as the broker went", HELD)
    table.none("attempts run twice", len(ledger.run_twice))
    table.none("attempts counted as crashes", sum(map(crashes, found)))


def tell_of_times(table: Table, begins: Sequence[Entry], back_s: float, pids: Sequence[int]) -> None:
    """How soon jobs began again, anywhere and in each process."""
    later = [entry for entry in begins if entry.at_s > back_s]
    first = [min((entry.at_s for entry in later if entry.pid == pid), default=float("inf")) for pid in pids]
    table.at_most("broker answers to first job", min(first) - back_s, WITHIN_S, "s")
    table.at_most("broker answers to first job, the last process", max(first) - back_s, WITHIN_S, "s")
