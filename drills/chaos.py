"""A storm over four workers and their broker: nothing is lost, ends twice, or runs again without a cause."""

import contextlib
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from ardiq_django import Ardiq, app
from ardiq_django.snapshot import Snapshot
from drills.fleet import Fleet, fleet
from drills.ground import Ground
from drills.leftovers import leftovers
from drills.patience import TookTooLong, until
from drills.plan import Plan
from drills.storm.acts import Acts
from drills.storm.causes import Causes
from drills.storm.forecast import SEATS, forecast
from drills.storm.journal import Journal
from drills.storm.keep import LOSSES, Keep
from drills.storm.orders import orders
from drills.storm.producer import Producers
from drills.storm.seats import Seats
from drills.storm.settings import LEASE_MS
from drills.storm.tasks import fragile
from drills.storm.verdict import Verdict
from drills.storm.weather import Weather
from drills.storm.wire import Wires
from drills.table import Table

LEASE_S = LEASE_MS / 1000
PROBE_EVERY_S = 0.3
CALM_S = 600.0
JOBS = 2_000
QUEUES: Sequence[Ardiq] = (app, fragile)


def drill(ground: Ground, plan: Plan, table: Table) -> None:
    """One storm by one seed, the calm after it, and the verdict."""
    acts = Acts()
    keep = Keep(ground, acts, random.Random(plan.seed))
    wires = Wires(keep.place, SEATS + 1, LOSSES[ground.broker], acts, ground.directory)
    ground.ledger.touch()
    with wires.up(), probed(keep):
        places = [keep.reached_at(wire.place) for wire in wires.all]
        meet(places[-1])
        producers = Producers(orders(plan.seed, plan.jobs or JOBS, 0.85 * plan.storm_s))
        with fleet(ground.directory) as workers:
            seats = Seats(workers, places[:SEATS], acts)
            weather = Weather(seats, wires, keep, acts)
            rage(plan, weather, producers, table)
            codes = stopped(workers)
        acts.write(ground.directory / "acts")
        causes = Causes(seats.reigns, acts, Journal(ground.ledger), LEASE_S)
        verdict = Verdict(producers, found(producers), causes, acts)
        verdict.tell(table)
        left = tell_of_calm(table, len(verdict.found), codes)
    for sentence in (*verdict.sentences, *left):
        print(f"  ! {sentence}"[:2000], flush=True)


def rage(plan: Plan, weather: Weather, producers: Producers, table: Table) -> None:
    """The storm, and then the calm."""
    with weather.seats.kept_filled():
        began_s = time.monotonic()
        with producers.at_work():
            weather.rage(forecast(plan.seed, plan.storm_s, LEASE_S, plan.kill_every_s))
            weather.wires.calm()
        storm_s = time.monotonic() - began_s
        until_calm()
    table.figure("the storm took", storm_s, "s")
    table.figure("the calm after it", time.monotonic() - began_s - storm_s, "s")
    table.count("blows that nobody could take", weather.passed_by)


def stopped(workers: Fleet) -> Sequence[int]:
    """Stop those that are still there; the exit codes of those that had begun."""
    last = [worker for worker in workers.workers if worker.is_running and "worker began" in worker.said]
    workers.stop()
    return [worker.ended() for worker in last]


def meet(place: Mapping[str, str]) -> None:
    """Let this process, the producer, reach the broker through a wire, too."""
    from django.conf import settings
    from django.db import connections

    connections.close_all()
    if "DRILL_BROKER" in place:
        for queue in settings.ARDIQ.values():
            queue["BROKER"] = place["DRILL_BROKER"]
    else:
        connections.databases["postgres"]["HOST"] = place["DRILL_POSTGRES_HOST"]
    for one in QUEUES:
        one.reconfigure()


@contextmanager
def probed(keep: Keep) -> Iterator[None]:
    """For the length of the block, note when the broker itself is slow."""
    over = threading.Event()

    def probe() -> None:
        while not over.wait(PROBE_EVERY_S):
            keep.probe()

    thread = threading.Thread(target=probe, name="drill-probe", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def waiting() -> int:
    """How many jobs of both queues have not ended."""
    counts = [one.broker.run_sync(one.broker.counts()) for one in QUEUES]
    return sum(number for count in counts for state, number in count.items() if not state.ended)


def until_calm() -> None:
    """Return once nothing waits or runs; after so long the counts are to tell what does."""
    with contextlib.suppress(TookTooLong):
        until(lambda: waiting() == 0, "all jobs have ended", CALM_S, look_every_s=0.25)


def found(producers: Producers) -> dict[str, Snapshot | None]:
    """What the broker knows of each job that it accepted."""
    orders_by_id = {one.order.job_id: one.order for one in producers.accepted}
    brokers = {True: fragile.broker, False: app.broker}
    return {
        job_id: brokers[order.is_fragile].run_sync(brokers[order.is_fragile].get(job_id))
        for job_id, order in orders_by_id.items()
    }


def tell_of_calm(table: Table, jobs: int, codes: Sequence[int]) -> list[str]:
    """That nothing is left behind, once all have gone; a sentence for each thing that is."""
    counts = [one.broker.run_sync(one.broker.counts()) for one in QUEUES]
    ends = sum(number for count in counts for state, number in count.items() if state.ended)
    left = [sentence for one in QUEUES for sentence in one.broker.run_sync(leftovers(one.broker))]
    table.none("queued, scheduled, retrying or running", waiting())
    table.equal("ends recorded, one for each job", ends, jobs)
    table.none("keys, entries or rows without an owner", len(left))
    table.none("workers that ended with another exit code than 0", len(codes) - codes.count(0))
    return left
