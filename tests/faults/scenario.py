"""One small life of a queue: two workers, a producer that uses every way a job can take, and an end that all reach."""

import asyncio
import logging
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from django.db import connections

from ardiq_django import Ardiq, Retry, bridge
from ardiq_django.exceptions import BrokerError, JobConflict
from ardiq_django.handles import PreparedTask
from ardiq_django.results import State
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.worker.pulse import Pulse
from ardiq_django.worker.slots import Slots
from drills.leftovers import leftovers
from tests.faults.database_gate import DatabaseGate
from tests.faults.fault import Fault, Fuse, Process
from tests.faults.journal import Journal
from tests.faults.redis_gate import RedisGate

T = TypeVar("T")
LEASE_MS = 1_500
PATIENCE_S = 25.0  # nothing may take that long
LOOK_EVERY_S = 0.05
OK, FAILED, ABORTED = (frozenset({state}) for state in (State.SUCCEEDED, State.FAILED, State.ABORTED))
RULES: dict[str, Any] = {
    "idle_timeout_ms": LEASE_MS, "poll_block_ms": 100, "cron_poll_s": 0.2, "concurrency": 3, "shutdown_timeout_s": 3,
}  # fmt: skip


async def insist(verb: Callable[[], Awaitable[T]]) -> T:
    """As whoever only looks on: a machine that is too busy to answer is asked again."""
    while True:
        try:
            return await verb()
        except BrokerError:
            await asyncio.sleep(LOOK_EVERY_S)


class Dead(BaseException):
    """Whatever a dead process had still to do."""


class Scenario:
    """A queue of its own, and what came of one fault in it."""

    def __init__(self, address: str, fault: Fault = Fault.DROPPED, at: int = 0) -> None:
        self.queue = f"f-{secrets.token_hex(6)}"
        self.fuse = Fuse(fault, at)
        self.journal = Journal()
        self.violations: list[str] = []
        self.recovery_s = 0.0
        self._address = address
        self._gates: list[RedisGate | DatabaseGate] = []
        self._made: list[Ardiq] = []
        self._graves: list[asyncio.Task[None]] = []
        self._pulses: list[Pulse] = []
        self._ears = _Ears(self)

    async def play(self) -> None:
        """Live through it, and look what is left."""
        self._observer = self._unharmed()
        with self._ears:
            workers = [await self._worker(name) for name in ("anna", "bert")]
            producer = await self._producer()
            try:
                await self._until_all_ended(producer)
                self.recovery_s = time.monotonic() - self.fuse.blown_s if self.fuse.victim else 0.0
            finally:
                await self._stop(workers)
        await self._tidy_up()
        kept = await self._kept()
        self.violations += self.journal.faults_in(kept) + await insist(lambda: leftovers(self._observer.broker))
        await self._close()

    def _unharmed(self, **options: Any) -> Ardiq:
        app = Ardiq(queue_name=self.queue, broker=self._address, **{**RULES, **options})
        self._made.append(app)
        return app

    async def _app(self, process: Process) -> tuple[Ardiq, RedisGate | DatabaseGate]:
        kind = DatabaseGate if self._address.startswith("database") else RedisGate
        gate = kind(process, self._address)
        self._gates.append(gate)
        address = await gate.open()
        app = Ardiq(queue_name=self.queue, broker=address, worker_id=process.name, **RULES)
        gate.guard(app.broker)
        self._made.append(app)
        return app, gate

    async def _worker(self, name: str) -> tuple[Ardiq, Process, "asyncio.Task[Any]"]:
        process = Process(name, self.fuse)
        app, _ = await self._app(process)
        self._declare(app, process)
        self._graves.append(asyncio.create_task(process.bury()))
        slots = Slots(app.options.concurrency)
        self._pulses.append(slots.pulse)
        return app, process, process.begin(app.run(slots))

    def _declare(self, app: Ardiq, process: Process) -> dict[str, Any]:
        noted = self.journal.noted

        async def works(run: int = 0) -> None:
            with noted(process, run):
                await asyncio.sleep(0.02)

        def in_thread() -> None:
            with noted(process):
                time.sleep(0.02)

        async def stumbles() -> None:
            with noted(process) as number:
                if number == 1:
                    raise Retry(delay_ms=50)

        async def fails() -> None:
            with noted(process):
                raise ValueError("no")

        async def lasts() -> None:
            with noted(process):
                await asyncio.sleep(PATIENCE_S)

        async def ticks() -> None:
            with noted(process):
                pass

        app.cron(every=0.5, name="ticks")(ticks)
        bodies = {body.__name__: body for body in (works, in_thread, stumbles, lasts)}
        tasks = {name: app.task(name=name)(body) for name, body in bodies.items()}
        return {**tasks, "fails": app.task(name="fails", max_retries=0)(fails)}

    async def _producer(self) -> "asyncio.Future[None]":
        process = Process("producer", self.fuse)
        app, gate = await self._app(process)
        tasks = self._declare(app, process)
        return asyncio.get_running_loop().run_in_executor(
            None, _Producer(self.journal, app, tasks, process, gate).produce
        )

    async def _until_all_ended(self, producer: "asyncio.Future[None]") -> None:
        broker, abandoned = self._observer.broker, False
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    if producer.done() and not abandoned:
                        producer.result()
                        # whoever died before it said so would have ended these
                        abandoned = True
                        await insist(lambda: broker.abort(["unwanted", "lasts"]))
                    if producer.done() and self._is_quiet(await self._kept()):
                        return
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            open_yet = {one: job.state.value for one, job in (await self._kept()).items() if not job.state.ended}
            self.violations.append(f"not ended after {PATIENCE_S} s: {open_yet}")
            if not producer.done():
                self.violations.append("the producer is still at it")

    def _is_quiet(self, kept: dict[str, Snapshot]) -> bool:
        ends = {job_id: job.state.ended for job_id, job in kept.items()}
        has_ticked = any(ended and job_id.startswith("cron:") for job_id, ended in ends.items())
        ours = all(ended for job_id, ended in ends.items() if not job_id.startswith("cron:"))
        return has_ticked and ours and all(job_id in ends for job_id in self.journal.accepted)

    async def _kept(self) -> dict[str, Snapshot]:
        page = await insist(lambda: self._observer.broker.page(Query(limit=1_000)))
        return {row.job.id: row for row in page.rows}

    async def _stop(self, workers: list[tuple[Ardiq, Process, "asyncio.Task[Any]"]]) -> None:
        for app, _, _ in workers:
            app.stop()
        _, late = await asyncio.wait([task for _, _, task in workers], timeout=PATIENCE_S)
        for _, process, task in workers:
            if task in late:
                self.violations.append(f"{process.name} does not stop")
                process.die()
            elif not process.is_dead and not task.cancelled() and task.exception():
                self.violations.append(f"{process.name} ended with {task.exception()!r}")
        await asyncio.wait([task for _, _, task in workers])
        for grave in self._graves:
            grave.cancel()
        for pulse in self._pulses:  # that of a dead process, too
            for charge in pulse._charges:
                await pulse.leave(charge)

    async def _tidy_up(self) -> None:
        """What a successor of them all does: the lease of whoever died is over, and what is left is run."""
        janitor = self._unharmed(burst=True, worker_id="janitor")
        self._declare(janitor, Process("janitor", Fuse()))
        broker = self._observer.broker
        broker.skew_ms = janitor.broker.skew_ms = LEASE_MS + 1_000
        await insist(broker.reap)
        await janitor.run()
        await insist(broker.sweep)

    async def _close(self) -> None:
        for app in self._made:
            await app.broker.close()
            if not self._address.startswith("database"):
                await asyncio.to_thread(bridge.run, app.broker.close())
        for gate in self._gates:
            await gate.close()


class _Producer:
    """A script: its own thread, the synchronous half of the API, the same again until it is answered."""

    def __init__(
        self, journal: Journal, app: Ardiq, tasks: dict[str, Any], process: Process, gate: RedisGate | DatabaseGate
    ) -> None:
        self._journal, self._app, self._tasks, self._process, self._gate = journal, app, tasks, process, gate

    def produce(self) -> None:
        """Everything; nothing more once its process is dead."""
        if isinstance(self._gate, DatabaseGate):
            self._gate.guard_thread()
        try:
            self._produce()
        except (Exception, Dead):
            if not self._process.is_dead:  # whose errors nobody hears: Django closes cursors of what is closed
                raise
        finally:
            connections.close_all()

    def _produce(self) -> None:
        tasks = self._tasks
        many = [tasks["works"].prepare(), tasks["works"].prepare(), tasks["in_thread"].prepare()]
        self._send(OK, *many, tasks["stumbles"].prepare(), tasks["works"].options(delay_ms=200).prepare())
        self._send(FAILED, tasks["fails"].prepare())
        self._send(ABORTED, tasks["lasts"].options(task_id="lasts").prepare())
        self._send(ABORTED, tasks["works"].options(task_id="unwanted", delay_ms=60_000).prepare())
        self._insist(lambda: self._app.job("unwanted").abort_sync())
        self._await(lambda: self._journal.has_begun("lasts"))
        self._insist(lambda: self._app.job("lasts").abort_sync())
        self._send(OK, tasks["works"].options(task_id="daily").prepare(1))
        self._await(lambda: self._journal.has_ended("daily", 1))
        self._send(OK, tasks["works"].options(task_id="daily").prepare(2))

    def _send(self, may_end: frozenset[State], *calls: PreparedTask) -> None:
        self._journal.doubtful.update({call.job.id: may_end for call in calls})
        self._insist(lambda: self._app.enqueue_many_sync(calls))
        self._journal.accepted.update({call.job.id: may_end for call in calls})

    def _insist(self, verb: Callable[[], Any]) -> None:
        while True:
            try:
                verb()
                break
            except BrokerError:
                self._go_on()
            except JobConflict:  # the run before is just being settled
                self._go_on()
        self._go_on(0)

    def _await(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not holds() and time.monotonic() < deadline:
            self._go_on()

    def _go_on(self, pause_s: float = 0.02) -> None:
        time.sleep(pause_s)
        if self._process.is_dead:
            raise Dead


class _Ears(logging.Handler):
    """Hears of leases that were lost, and of processes that died, which is what may cause a second run."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(logging.WARNING)
        self._scenario = scenario

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("lease lost") and f"queue={self._scenario.queue} " in text:
            self._scenario.journal.cut_off.add(text.partition("worker=")[2].partition(":")[0])

    def __enter__(self) -> None:
        logging.getLogger("ardiq.worker").addHandler(self)

    def __exit__(self, *error: object) -> None:
        logging.getLogger("ardiq.worker").removeHandler(self)
        victim = self._scenario.fuse.victim
        if victim and victim.is_dead:
            self._scenario.journal.cut_off.add(victim.name)
