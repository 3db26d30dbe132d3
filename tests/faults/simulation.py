"""A whole queue in virtual time: real workers on a memory broker, and everything that can go wrong drawn by a seed."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from ardiq_django import Ardiq, Retry
from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.exceptions import BrokerError, JobConflict
from ardiq_django.handles import PreparedTask
from ardiq_django.results import State
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.worker.pulse import Charge, Pulse
from ardiq_django.worker.slots import Slots
from drills.leftovers import leftovers
from tests.faults.fault import Fuse, Process, task_of_process
from tests.faults.journal import Journal
from tests.faults.virtual import Stuck, virtual_time
from tests.faults.weather import Weather, WeatheredBroker

LEASE_MS = 1_500
STORM_S = 4.0  # then it is calm
PATIENCE_S = 120.0  # of virtual time
JOBS = 12
ANY_END = frozenset({State.SUCCEEDED, State.FAILED, State.ABORTED, State.EXPIRED})
RULES: dict[str, Any] = {
    "broker": "memory://", "queue_name": "simulated", "idle_timeout_ms": LEASE_MS, "concurrency": 2,
    "max_crashes": 1_000, "shutdown_timeout_s": 5, "capture_logs": None,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Life:
    """What came of one seed."""

    jobs: int
    faults: int
    deaths: int
    virtual_s: float
    violations: list[str]


def simulate(seed: int) -> Life:
    """The same for the same seed."""
    state = random.getstate()
    random.seed(seed)
    try:
        with virtual_time() as loop:
            loop.set_task_factory(task_of_process)
            asyncio.set_event_loop(loop)
            simulation = Simulation(random.Random(seed))
            try:
                loop.run_until_complete(simulation.live())
            except Stuck:
                simulation.violations.append("everybody sleeps for ever, or somebody never does")
                return simulation.life(loop.time())
            loop.run_until_complete(_end_all())
            return simulation.life(loop.time())
    finally:
        asyncio.set_event_loop(None)
        random.setstate(state)


async def _end_all() -> None:
    while rest := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
        for task in rest:
            task.cancel()
        await asyncio.wait(rest, timeout=1)


class Simulation:
    """One life of a queue: workers that die and are followed by others, a producer, an end."""

    def __init__(self, chance: random.Random) -> None:
        self.violations: list[str] = []
        self._chance = chance
        self._journal = Journal()
        self._weather = Weather(chance)
        self._deaths = 0
        self._living: list[Incarnation] = []
        self._number = 0

    def life(self, virtual_s: float) -> Life:
        return Life(len(self._journal.accepted), self._weather.faults, self._deaths, virtual_s, self.violations)

    async def live(self) -> None:
        """From the first enqueue until nobody has anything left to do."""
        app = Ardiq(**RULES)
        self._broker = MemoryBroker("memory://", app.options.rules)
        for _ in range(self._chance.randint(1, 3)):
            self._give_birth()
        producer = asyncio.create_task(self._produce())
        await asyncio.gather(producer, *(self._befall() for _ in range(self._chance.randint(0, 3))))
        await asyncio.sleep(max(0.0, STORM_S - asyncio.get_running_loop().time()))
        self._weather.is_calm = True
        await self._until_all_ended()
        await asyncio.sleep(3 * LEASE_MS / 1000)  # the living take back what the dead left
        await self._stop()
        kept = await self._kept()
        self.violations += self._journal.faults_in(kept) + await leftovers(self._broker)

    def _give_birth(self) -> None:
        self._number += 1
        self._living.append(Incarnation(f"worker {self._number}", self._broker, self._weather, self._journal))

    async def _befall(self) -> None:
        """Something happens to some worker at some time."""
        chance = self._chance
        await asyncio.sleep(chance.random() * STORM_S)
        if not self._living:
            return
        one = chance.choice(self._living)
        if chance.random() < 0.5:
            await one.broker.stand_still(chance.random() * 3 * LEASE_MS / 1000)
            return
        self._living.remove(one)
        self._deaths += 1
        epoch = one.epoch
        one.process.die()
        self._journal.cut_off.add(one.process.name)
        if epoch and chance.random() < 0.5:  # a supervisor sees it
            await asyncio.sleep(0.06)
            await self._broker.reap(dead=[epoch])
        await asyncio.sleep(chance.random())
        self._give_birth()

    async def _produce(self) -> None:
        chance, journal = self._chance, self._journal
        process = Process("producer", Fuse())
        shop = Shop(journal, process, WeatheredBroker(self._broker, process, self._weather, journal))
        for number in range(JOBS):
            await asyncio.sleep(chance.random() * STORM_S / JOBS)
            options: dict[str, Any] = {"delay_ms": chance.choice([0, 0, 300])}
            if chance.random() < 0.3:
                options["task_id"] = "again"  # a new run of it, or a conflict while it is in flight
            if chance.random() < 0.1:
                options |= {"expire_ms": 700}
            call = shop.works.options(**options).prepare(number, chance.choice([0, 0.01, 0.2, 1.0]), chance.random())
            await self._send(shop.app, call)
            if chance.random() < 0.2:
                await insist(partial(shop.app.broker.abort, [call.job.id]))

    async def _send(self, app: Ardiq, call: PreparedTask) -> None:
        try:
            await insist(partial(app.enqueue_many, [call]))
        except JobConflict:
            return
        self._journal.accepted[call.job.id] = ANY_END

    async def _until_all_ended(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not all(job.state.ended for job in (await self._kept()).values()):  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
        except TimeoutError:
            self.violations.append(f"not all ended after {PATIENCE_S} s of calm")

    async def _kept(self) -> dict[str, Snapshot]:
        page = await self._broker.page(Query(limit=1_000))
        return {row.job.id: row for row in page.rows}

    async def _stop(self) -> None:
        for one in self._living:
            one.app.stop()
        _, late = await asyncio.wait([one.task for one in self._living], timeout=PATIENCE_S)
        self.violations += [f"{len(late)} workers do not stop"] if late else []
        for one in self._living:
            if one.task not in late and (error := one.task.exception()):
                self.violations.append(f"{one.process.name} ended with {error!r}")


class Shop:
    """An app as one process has it, with the tasks of the simulation."""

    def __init__(self, journal: Journal, process: Process, broker: WeatheredBroker) -> None:
        self.app = Ardiq(worker_id=process.name, **RULES)
        self.app._broker = broker  # type: ignore[assignment]

        @self.app.task(name="works", max_retries=2, backoff_ms=[100])
        async def works(run: int, for_s: float, luck: float) -> None:
            with journal.noted(process, run) as number:
                await asyncio.sleep(for_s)
                if luck < 0.2 and number == 1:
                    raise Retry(delay_ms=100)
                if luck < 0.3:
                    raise ValueError("no luck")

        self.works = works


class Unneeded(Pulse):
    """Threads know nothing of virtual time; and this loop never stands still."""

    def keep(self, charge: Charge) -> None:
        """Nothing to do."""


class Incarnation:
    """A worker from its birth to its death."""

    def __init__(self, name: str, broker: MemoryBroker, weather: Weather, journal: Journal) -> None:
        self.process = Process(name, Fuse())
        self.broker = WeatheredBroker(broker, self.process, weather, journal)
        self.app = Shop(journal, self.process, self.broker).app
        self._grave = asyncio.create_task(self.process.bury())
        slots = Slots(self.app.options.concurrency)
        slots.pulse = Unneeded()
        self.task = self.process.begin(self.app.run(slots))

    @property
    def epoch(self) -> str:
        """Of the lease it has; "" where it has none yet."""
        lease = getattr(self.app._worker, "_lease", None)
        return lease.epoch if lease else ""


async def insist(verb: Callable[[], Awaitable[object]]) -> None:
    """The same again, until it is answered."""
    while True:
        try:
            await verb()
            return
        except BrokerError:
            await asyncio.sleep(0.05)
