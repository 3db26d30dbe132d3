"""A million jobs of every kind: the workers' memory does not grow with them, and the store comes back to its base."""

import contextlib
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from ardiq_django import app
from ardiq_django.results import State
from ardiq_django.statistics import Resolution
from drills.fleet import Worker, fleet
from drills.ground import Ground
from drills.leftovers import leftovers
from drills.load import until_all_have_ended
from drills.marathon.gauge import Gauge, Store, quantiles, store_of
from drills.marathon.settings import KEPT_MS
from drills.marathon.tasks import mixed
from drills.patience import TookTooLong, until
from drills.plan import Plan
from drills.table import Table

JOBS = 1_000_000
WORKERS = 2
BATCH = 500
WAITING_MOST = 2_000  # beyond it the producer waits
LOOK_EVERY_S = 2.0
WARM = 0.2  # of the jobs
EMPTY_S = 300.0
TOLD_WITHIN_S = 30.0
GROWTH_MB = 1.0
ENOUGH = 100_000  # jobs of a worker
SPARE_FILES = 2  # beyond the first half: a connection is opened when it is first needed
TOLERANCE_MB = 2.0  # of Redis' memory: buffers of connections, and what its allocator keeps


class Soak:
    """One run."""

    def __init__(self, ground: Ground, number: int, workers: Sequence[Worker]) -> None:
        self._ground = ground
        self._number = number
        self.gauges = [Gauge(worker.pid) for worker in workers]
        self.stores: list[Store] = []
        self.enqueued = 0
        self.took_s = 0.0
        self.began_ms = 0
        self.ended_ms = 0

    def run(self) -> None:
        """Enqueue all of it, as fast as the workers are; return when all has ended."""
        chance, next_look_s, began_s = Random(1), 0.0, time.monotonic()
        self.began_ms = self._now_ms()
        while self.enqueued < self._number:
            number = min(BATCH, self._number - self.enqueued)
            app.enqueue_many_sync(mixed(chance, number))
            self.enqueued += number
            while (waits := app.queue_size_sync()) > WAITING_MOST:
                time.sleep(0.01)
            if time.monotonic() > next_look_s:
                self._look(self.enqueued - waits)
                next_look_s = time.monotonic() + LOOK_EVERY_S
        until_all_have_ended(EMPTY_S)
        self.took_s = time.monotonic() - began_s
        self.ended_ms = self._now_ms()
        self._look(self.enqueued)

    def _now_ms(self) -> int:
        return app.broker.run_sync(app.broker.now_ms())

    def _look(self, done: int) -> None:
        for gauge in self.gauges:
            gauge.look(done / len(self.gauges))
        if not self.stores or len(self.gauges[0].samples) % 10 == 0:  # it reads every key
            self.stores.append(store_of(self._ground))

    @property
    def warm(self) -> float:
        """So many jobs of each worker are its warm-up."""
        return WARM * self._number / len(self.gauges)


def drill(ground: Ground, plan: Plan, table: Table) -> None:
    """All jobs, and then the time for the store to come back."""
    with fleet(ground.directory) as workers:
        made = [workers.start("marathon", "--verbosity", "0") for _ in range(WORKERS)]
        until(lambda: len(app.broker.run_sync(app.broker.workers())) == WORKERS, "the workers serve")
        base = base_of(ground)
        soak = Soak(ground, plan.jobs or JOBS, made)
        soak.run()
        tell_of_jobs(table, soak)
        tell_of_workers(table, soak)
        tell_of_store(table, ground, soak, base)
        codes = workers.stop()
    table.none("workers that ended with another exit code than 0", len(codes) - codes.count(0))


def base_of(ground: Ground) -> Store:
    """The store as it is when nothing is in it, and all has been there that leaves something behind for good."""
    app.enqueue_many_sync(mixed(Random(0), BATCH))
    until_all_have_ended(EMPTY_S)
    until_empty()
    return store_of(ground)


def until_empty() -> None:
    """Return once all records have gone by their time; after so long the counts are to tell what stays."""

    def is_empty() -> bool:
        return not any(app.broker.run_sync(app.broker.counts()).values())

    with contextlib.suppress(TookTooLong):
        until(is_empty, "no record is left", EMPTY_S + KEPT_MS / 1000, look_every_s=1.0)


@dataclass(frozen=True, slots=True)
class Counted:
    """What the workers have told since they began."""

    ended: int
    failed: int
    retried: int


def counted() -> Counted:
    """By the hours, so that no minute is cut in two."""
    now_ms = app.broker.run_sync(app.broker.now_ms())
    totals = app.broker.run_sync(app.broker.totals(Resolution.HOUR, 0, now_ms)).values()
    failed = sum(one.failed for one in totals)
    return Counted(sum(one.succeeded for one in totals) + failed, failed, sum(one.retried for one in totals))


def tell_of_jobs(table: Table, soak: Soak) -> None:
    """That all have ended, by what the workers counted."""
    with contextlib.suppress(TookTooLong):  # they tell every five seconds
        until(lambda: counted().ended >= soak.enqueued + BATCH, "all ends are told", TOLD_WITHIN_S)
    found = counted()
    table.equal("jobs that ended, by the count of the workers", found.ended - BATCH, soak.enqueued)
    table.count("of these and the warm-up, failed as meant", found.failed)
    table.count("attempts that were retried", found.retried)
    table.figure("jobs a second", soak.enqueued / soak.took_s, "/s")
    minutes = app.broker.run_sync(app.broker.series(Resolution.MINUTE, soak.began_ms, soak.ended_ms))
    p99s = quantiles(minutes, 0.99) or [0]
    table.count("minutes", len(p99s))
    table.figure("pick-up latency, p99 of the first minute", p99s[0], "ms")
    table.figure("pick-up latency, p99 of a minute, median", statistics.median(p99s), "ms")
    table.figure("pick-up latency, p99 of the last whole minute", p99s[max(0, len(p99s) - 2)], "ms")


def tell_of_workers(table: Table, soak: Soak) -> None:
    """That they stay as they are."""
    for number, gauge in enumerate(soak.gauges, 1):
        before, after = gauge.fds(soak.warm)
        table.figure(f"worker {number}: memory at first", gauge.samples[0].rss_kb / 1024, "MB")
        table.figure(f"worker {number}: memory at last", gauge.samples[-1].rss_kb / 1024, "MB")
        tell_of_growth(table, f"worker {number}: growth for 100,000 of its jobs", gauge, soak)
        table.at_most(f"worker {number}: most open files, second half", after, before + SPARE_FILES, "")
        table.count(f"worker {number}: threads", gauge.samples[-1].threads)
    kept = soak.stores[1:]
    half = len(kept) // 2
    table.count("connections to the store, first half", max((one.connections for one in kept[:half]), default=0))
    table.count("connections to the store, second half", max((one.connections for one in kept[half:]), default=0))


def tell_of_growth(table: Table, what: str, gauge: Gauge, soak: Soak) -> None:
    """Judged only where there were enough: what a process takes as it warms up is no growth with its jobs."""
    if soak.enqueued / len(soak.gauges) < ENOUGH:
        table.figure(f"{what} (too few to judge)", gauge.growth_mb(soak.warm), "MB")
    else:
        table.at_most(what, gauge.growth_mb(soak.warm), GROWTH_MB, "MB")


def tell_of_store(table: Table, ground: Ground, soak: Soak, base: Store) -> None:
    """That it comes back to its base, once what is kept for a time has gone."""
    until_empty()
    last, mb = store_of(ground), 1 << 20
    counts = app.broker.run_sync(app.broker.counts())
    table.figure("largest store, of those looked at", max(one.size_bytes for one in soak.stores) / mb, "MB")
    table.count("largest store, keys or rows", max(one.total for one in soak.stores))
    table.count("keys or rows at first, but for figures", base.total)
    table.at_most("keys or rows at last", last.total, base.total, "")
    table.count("figures of minutes and hours, each with a time to go", last.figures)
    table.none("jobs in any state", sum(counts[state] for state in State if state in counts))
    table.none("keys, entries or rows without an owner", len(app.broker.run_sync(leftovers(app.broker))))
    grown_mb = (last.size_bytes - base.size_bytes) / mb
    if ground.broker == "redis":
        table.at_most("memory of the store beyond its base", grown_mb, TOLERANCE_MB, "MB")
    else:
        table.figure("size of the tables beyond their base", grown_mb, "MB")
