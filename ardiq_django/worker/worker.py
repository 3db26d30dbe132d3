"""The worker of one queue: a pump that settles and claims in one round trip, and what runs in its slots."""

import asyncio
import contextvars
import gc
import os
import random
import socket
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ardiq_django.clock import now_ms
from ardiq_django.exceptions import BrokerError, LeaseLost
from ardiq_django.wire import Answer, Command, Delivery, News, Order, Outcome, Released, WorkerCard
from ardiq_django.worker.deadlines import Deadlines
from ardiq_django.worker.executor import Executor, put_back
from ardiq_django.worker.lease import Lease
from ardiq_django.worker.report import Report
from ardiq_django.worker.run import Cut, Run
from ardiq_django.worker.slots import Slots
from ardiq_django.worker.upkeep import Patience, Upkeep, cancel_and_wait, every, keep_on

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

NEWS_EVERY_S = 1.0
LISTEN_S = 5.0
CANCEL_GRACE_S = 5.0


class Worker:
    """Runs jobs of one app until it is stopped, or in burst until nothing is left.

    A turn of the pump carries every outcome that gathered since the last one and asks for as many jobs as there are
    free slots; while it is under way the next outcomes gather. At idle a turn leaves at once, and nothing is polled
    faster than `poll_block_ms`.
    """

    def __init__(self, app: "Ardiq", slots: Slots | None = None) -> None:
        options = app.options
        self._app = app
        self._options = options
        self._card = WorkerCard(
            "", app.worker_id, socket.gethostname(), os.getpid(), options.concurrency, started_ms=now_ms()
        )
        self._slots = slots or Slots(options.concurrency)
        self._report = Report(options.queue_name, app.worker_id)
        self._patience = Patience(self._report)
        self._executor = Executor(app)
        self._deadlines = Deadlines(self._overdue, self._holds)
        self._runs: dict[str, Run] = {}
        self._outcomes: list[Outcome] = []
        self._from_threads: list[tuple[Run, Outcome | None]] = []
        self._stir = asyncio.Event()  # the pump has something to do
        self._sated = asyncio.Event()  # the last turn found less than it asked for
        self._hungry = True
        self._stopping = False
        self._stop_at = float("inf")
        self._next_due_s: float | None = None
        self._last_news: Mapping[str, int] = {}
        self._last_beat = 0.0

    async def run(self) -> None:
        """Work until stopped; always hands back what it still holds."""
        self._loop = asyncio.get_running_loop()
        self._lease = await Lease.begin(self._app.broker, self._card, self._patience)
        options = self._options
        self._report.began(
            ",".join(options.priorities), self._slots.number, len(self._app.tasks), self._app.broker.shown_address
        )
        upkeep = Upkeep(self._app, self._report, self._patience)
        duties = [self._watch_for_work, self._listen]
        tasks = [asyncio.ensure_future(keep_on(duty, self._report)) for duty in duties]
        tasks += [asyncio.ensure_future(duty) for duty in upkeep.duties()]
        tasks.append(asyncio.ensure_future(every(self._beat_every_s, self._beat, self._report)))
        gc.freeze()  # what is loaded by now lives as long as the process
        try:
            await self._pump()
        finally:
            await self._wind_up(tasks)

    def stop(self, now: bool = False) -> None:
        """Claim nothing more and finish what runs within the shutdown timeout, or hand it back `now`."""

        def begin() -> None:
            if not self._stopping:
                self._report.stopping(len(self._runs))
            self._stopping = True
            limit = 0 if now else self._options.shutdown_timeout_s
            self._stop_at = min(self._stop_at, time.monotonic() + limit)
            self._loop.call_later(max(0.0, self._stop_at - time.monotonic()), self._stir.set)
            self._stir.set()

        self._loop.call_soon_threadsafe(begin)

    async def _pump(self) -> None:
        while not self._is_done():
            if self._stopping and time.monotonic() >= self._stop_at:
                return
            if self._outcomes or (self._hungry and self._want()):
                await self._turn()
            else:
                await self._stir.wait()
            self._stir.clear()
            # what finished meanwhile gathers for the next turn
            await asyncio.sleep(0)

    async def _turn(self) -> None:
        outcomes, self._outcomes = self._outcomes, []
        want = self._want()
        try:
            turn = await self._lease.exchange(outcomes, want, self._lanes(), self._caps(), len(self._runs))
        except LeaseLost as error:
            await self._begin_anew(error)
            return
        for outcome, answer in zip(outcomes, turn.answers, strict=True):
            if answer in (Answer.STALE, Answer.GONE):
                self._report.stale(outcome.delivery, answer)
        self._next_due_s = None if turn.next_due_ms is None else turn.next_due_ms / 1000
        for delivery in turn.deliveries:
            self._start(delivery)
        if want:
            self._hungry = len(turn.deliveries) >= want
            if not self._hungry:
                self._sated.set()

    def _want(self) -> int:
        return 0 if self._stopping else self._slots.free

    def _is_done(self) -> bool:
        if self._runs or self._outcomes:
            return False
        if self._stopping:
            return True
        soon = self._next_due_s is not None and self._next_due_s * 1000 <= self._options.poll_block_ms
        return self._options.burst and not self._hungry and not soon

    def _lanes(self) -> Sequence[str]:
        """The order in which lanes are served: highest first, or drawn by their weights."""
        lanes = self._options.priorities[::-1]
        weights = self._options.weights
        if not weights:
            return lanes
        return sorted(lanes, key=lambda lane: random.random() ** (1 / weights.get(lane, 1)), reverse=True)  # noqa: S311

    def _caps(self) -> dict[str, int]:
        limits = self._options.limits
        if not limits:
            return {}
        running = [run.delivery.job.lane for run in self._runs.values()]
        return {lane: max(0, most - running.count(lane)) for lane, most in limits.items()}

    def _start(self, delivery: Delivery) -> None:
        definition = self._app.registry.tasks.get(delivery.job.task)
        run = Run(delivery, definition, self._slots.take(), now_ms())
        self._runs[delivery.job.id] = run
        self._report.started(delivery)
        if definition is None and not delivery.broken:
            back = put_back(run, self._options.unknown_task_grace_s)
            if back:
                self._report.unknown_task(delivery, back.delay_ms)
                self._finish(run, back)
                return
        if definition is None or definition.is_async:
            run.task = self._loop.create_task(self._execute(run))
        else:
            context = contextvars.copy_context()
            run.slot.thread.post(lambda: context.run(self._execute_in_thread, run))
        if definition and definition.options.timeout is not None:
            self._deadlines.watch(run, definition.options.timeout)

    async def _execute(self, run: Run) -> None:
        self._finish(run, await self._executor.execute(run))

    def _execute_in_thread(self, run: Run) -> None:
        outcome = self._executor.execute_sync(run)
        self._from_threads.append((run, outcome))
        # one wake-up of the loop for all that finish before it comes round
        if len(self._from_threads) == 1:
            self._loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        finished, self._from_threads = self._from_threads, []
        for run, outcome in finished:
            self._finish(run, outcome)

    def _finish(self, run: Run, outcome: Outcome | None) -> None:
        if self._holds(run):
            del self._runs[run.delivery.job.id]
        self._slots.give(run.slot)
        if outcome is not None and run.cut is not Cut.LOST:
            self._report.settled(outcome)
            self._outcomes.append(outcome)
        self._stir.set()

    def _holds(self, run: Run) -> bool:
        return self._runs.get(run.delivery.job.id) is run

    def _overdue(self, run: Run) -> None:
        if run.task is None:
            self._report.stuck(run.delivery, run.definition.options.timeout if run.definition else None)
        run.end(Cut.TIMEOUT)

    async def _watch_for_work(self) -> None:
        await self._sated.wait()
        longest = self._options.poll_block_ms / 1000
        timeout = longest if self._next_due_s is None else min(longest, max(self._next_due_s, 0.001))
        await self._app.broker.wait(self._lease.epoch, timeout)
        self._sated.clear()
        self._hungry = True
        self._stir.set()

    async def _listen(self) -> None:
        for command in await self._app.broker.listen(self._lease.epoch, LISTEN_S):
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command.order:
            case Order.ABORT:
                run = self._runs.get(command.job_id)
                if run and run.delivery.claim == command.claim:
                    run.end(Cut.ABORT)
            case Order.QUIET | Order.STOP:
                self.stop()

    @property
    def _beat_every_s(self) -> float:
        return min(NEWS_EVERY_S, self._options.idle_timeout_ms / 3000)

    async def _beat(self) -> None:
        """Renew the lease every third of it, and sooner, once a second at the most, if there are news."""
        starts = {job_id: run.start_ms for job_id, run in self._runs.items()}
        due = time.monotonic() - self._last_beat >= self._options.idle_timeout_ms / 3000 - self._beat_every_s
        progress = {
            job_id: run.context.progress_made
            for job_id, run in self._runs.items()
            if run.context and run.context.progress_made
        }
        if not due and starts == self._last_news and not progress:
            return
        self._last_news, self._last_beat = starts, time.monotonic()
        try:
            found = await self._app.broker.beat(
                self._lease.epoch, self._lease.call, dict(self._lease.held), News(starts, progress)
            )
        except LeaseLost as error:
            await self._begin_anew(error)
            return
        for job_id in found.lost:
            self._lose(job_id)
        for job_id in found.aborts:
            if run := self._runs.get(job_id):
                run.end(Cut.ABORT)
        for delivery in found.unknown:
            self._lease.held[delivery.job.id] = delivery.claim
            self._outcomes.append(Released(delivery))
            self._stir.set()

    def _lose(self, job_id: str) -> None:
        run = self._runs.get(job_id)
        if run and self._lease.held.get(job_id) == run.delivery.claim:
            self._report.lost(run.delivery)
            run.end(Cut.LOST)

    async def _begin_anew(self, error: LeaseLost) -> None:
        """The epoch is over: nothing that ran in it may write any more."""
        self._report.lease_lost(str(error))
        for run in list(self._runs.values()):
            run.end(Cut.LOST)
            del self._runs[run.delivery.job.id]
        self._outcomes.clear()
        self._lease = await Lease.begin(self._app.broker, self._card, self._patience)
        self._hungry = True
        self._stir.set()

    async def _wind_up(self, tasks: list[asyncio.Task[None]]) -> None:
        """Cancel what still runs, hand it back, say goodbye. What a thread will not let go of is handed back too."""
        self._stopping = True
        running = [run for run in self._runs.values() if run.task is not None]
        for run in list(self._runs.values()):
            run.end(Cut.STOP)
        if running:
            await asyncio.wait([run.task for run in running if run.task], timeout=CANCEL_GRACE_S)
        await cancel_and_wait(tasks)
        await self._say_goodbye()
        self._deadlines.close()
        self._slots.close()
        self._report.ended()

    async def _say_goodbye(self) -> None:
        try:
            if self._outcomes:
                await asyncio.wait_for(self._turn(), CANCEL_GRACE_S)
            await asyncio.wait_for(self._app.broker.leave(self._lease.epoch), CANCEL_GRACE_S)
            await self._app.broker.close()
        except (BrokerError, LeaseLost, TimeoutError) as error:
            self._report.broker_trouble(error, 0.0)
