"""The worker of one queue: a pump that settles and claims in one round trip."""

import asyncio
import contextlib
import gc
import os
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ardiq_django.clock import now_ms
from ardiq_django.exceptions import BrokerError, LeaseLost
from ardiq_django.wire import Answer, Command, Order, Outcome, Succeeded, Turn, WorkerCard
from ardiq_django.worker import lanes
from ardiq_django.worker.atomic import Committed, check_app
from ardiq_django.worker.clock import BrokerClock
from ardiq_django.worker.heartbeat import Heartbeat
from ardiq_django.worker.lease import Lease
from ardiq_django.worker.lifespan import WorkerLifespan
from ardiq_django.worker.pulse import Charge
from ardiq_django.worker.report import Report
from ardiq_django.worker.restraint import Restraint
from ardiq_django.worker.run import Cut
from ardiq_django.worker.runs import Runs
from ardiq_django.worker.slots import Slots
from ardiq_django.worker.statistics import TOLD_EVERY_S, Statistics
from ardiq_django.worker.upkeep import Patience, Upkeep, cancel_and_wait, every, keep_on
from ardiq_django.worker.watch import Watch

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

LISTEN_S = 5.0
CANCEL_GRACE_S = 5.0


class Worker:
    """Runs jobs of one app until it is stopped, or in burst until nothing is left.

    A turn of the pump carries every outcome that gathered since the last one and asks for as many jobs as there are
    free slots; while it is under way the next outcomes gather. At idle a turn leaves at once, and nothing is polled
    faster than `poll_block_ms`.
    """

    def __init__(self, app: "Ardiq", slots: Slots | None = None) -> None:
        check_app(app)
        self._app = app
        self._options = options = app.options
        host, pid = socket.gethostname(), os.getpid()
        self._card = WorkerCard("", app.worker_id, host, pid, options.concurrency, started_ms=now_ms())
        self._report = Report(options.queue_name, app.worker_id)
        self._patience = Patience(self._report)
        self._loop = asyncio.get_running_loop()
        self._clock = BrokerClock(app.broker)
        self._share = (slots or Slots(options.concurrency)).share(options.concurrency, self._rouse)
        self._runs = Runs(app, self._report, self._clock, self._share, self._finished)
        self._statistics = Statistics(app.broker)
        self._lifespan = WorkerLifespan(app, self._report)
        self._outcomes: list[Outcome] = []
        self._stir = asyncio.Event()  # the pump has something to do
        self._hungry = True  # the last turn found all it asked for, or there may be something new
        self._restraint = Restraint()
        self._watch = Watch(self._restraint, self._wait_for_work, self._woken)
        self._next_due_s: float | None = None
        self._stopping = self._is_quiet = False
        self._stop_at = float("inf")
        self._duties: list[asyncio.Task[None]] = []  # there are some once the lease has begun
        self._renewing = asyncio.Lock()
        self._heartbeat = Heartbeat(app.broker, self._runs, self._held, self._begin_anew, self._finished)
        self._charge = Charge(options.idle_timeout_ms / 1000, self._held, self._report)

    async def run(self) -> None:
        """Work until stopped; always hands back what it still holds."""
        self._working = asyncio.ensure_future(self._work())
        try:
            await asyncio.wait([self._working])
        except asyncio.CancelledError:
            # the turn that is under way must reach its answer, or what it settles would run again
            self._begin_to_stop(0)
            await asyncio.wait([self._working])
            raise
        finally:
            await self._wind_up()
        if not self._working.cancelled():
            self._working.result()

    async def _work(self) -> None:
        await self._lifespan.begin()
        self._share.begin()
        self._lease = await Lease.begin(self._app.broker, self._card, self._patience)
        with contextlib.suppress(BrokerError):
            await self._clock.read()
        self._share.pulse.keep(self._charge)
        self._report.began(self._app)
        self._duties = self._begin_duties()
        if not gc.get_freeze_count():  # once: what a later worker would freeze may be garbage of an earlier one
            gc.freeze()  # what is loaded by now lives as long as the process
        await self._pump()

    @property
    def is_well(self) -> bool:
        """Whether it reaches its broker and holds its lease."""
        if not self._duties or self._patience.is_tried:
            return False
        return time.monotonic() - self._lease.renewed_s < self._options.idle_timeout_ms / 1500

    def stop(self, now: bool = False) -> None:
        """Claim nothing more and finish what runs within the shutdown timeout, or hand it back `now`."""
        limit_s = 0 if now else self._options.shutdown_timeout_s
        self._loop.call_soon_threadsafe(self._begin_to_stop, limit_s)

    def _begin_to_stop(self, limit_s: float) -> None:
        if not self._stopping:
            self._report.stopping(len(self._runs))
        self._stopping, self._heartbeat.mood = True, "stopping"
        self._stop_at = min(self._stop_at, time.monotonic() + limit_s)
        self._rouse()
        self._loop.call_later(limit_s, self._rouse)
        # a broker that cannot be reached does not keep a worker from ending
        if self._duties:
            self._loop.call_later(limit_s + CANCEL_GRACE_S, self._working.cancel)
        else:
            self._working.cancel()

    def _begin_duties(self) -> list[asyncio.Task[None]]:
        listen = keep_on(self._listen, self._report)
        beat = every(self._heartbeat.every_s, self._heartbeat.beat, self._report)
        tell = every(TOLD_EVERY_S, self._tell_figures, self._report)
        upkeep = Upkeep(self._app, self._report, self._patience, self._clock)
        return [self._loop.create_task(duty) for duty in (listen, beat, tell, *upkeep.duties())]

    def _held(self) -> Lease:
        return self._lease

    async def _pump(self) -> None:
        while not self._is_done():
            want = self._reserve() if self._outcomes or self._hungry else 0
            if self._outcomes or want:
                await self._turn(want)
            elif self._runs:
                if not self._hungry and self._share.has_room and not self._claims_nothing:
                    self._watch.begin()
                await self._stir.wait()
            else:
                await self._idle()
            self._stir.clear()
            # what finished meanwhile gathers for the next turn
            await asyncio.sleep(0)

    def _rouse(self) -> None:
        """Let the pump look at what it has to do."""
        self._stir.set()
        if self._duties:
            self._lease.cut_short()

    def _is_done(self) -> bool:
        if self._stopping and time.monotonic() >= self._stop_at:
            return True
        if self._runs or self._outcomes:
            return False
        soon = self._next_due_s is not None and self._next_due_s * 1000 <= self._options.poll_block_ms
        has_more = not self._is_quiet and (self._hungry or soon)
        return self._stopping or (self._options.burst and not has_more)

    @property
    def _claims_nothing(self) -> bool:
        return self._stopping or self._is_quiet

    async def _turn(self, want: int) -> None:
        outcomes, self._outcomes = self._outcomes, []
        lease, found = self._lease, 0
        self._hungry = self._hungry and not want
        try:
            turn = await lease.exchange(outcomes, want, self._lanes(), self._caps(), len(self._runs))
            found = len(turn.deliveries)
        except LeaseLost as error:
            await self._begin_anew(lease, error)
            return
        finally:
            self._share.keep(want - found)
        for outcome, answer in zip(outcomes, turn.answers, strict=True):
            self._report.settled(outcome, answer)
        self._statistics.settled(outcomes, turn.answers)
        self._take_up(turn, want, lease.epoch)

    async def _idle(self) -> None:
        """With nothing held: a turn that waits for work, so that a job is handed out in the moment it comes."""
        self._watch.end()
        await self._restraint.pause()
        want, lease, found = self._reserve(1 if self._share.is_shared else None), self._lease, 0
        if not want:
            await self._stir.wait()
            return
        self._hungry = False
        try:
            turn = await lease.claim(want, self._lanes(), self._caps(), self._until_due_s)
            found = len(turn.deliveries)
        except LeaseLost as error:
            await self._begin_anew(lease, error)
            return
        finally:
            self._share.keep(want - found)
        self._take_up(turn, want, lease.epoch)

    def _take_up(self, turn: Turn, want: int, epoch: str) -> None:
        self._next_due_s = None if turn.next_due_ms is None else turn.next_due_ms / 1000
        self._statistics.begun(turn.deliveries, self._clock.now_ms())
        for delivery in turn.deliveries:
            self._runs.start(delivery, epoch)
        if want:
            self._hungry |= len(turn.deliveries) >= want  # or it became so while the broker was asked
            if self._hungry and not self._claims_nothing:
                self._share.want()
            self._restraint.woke(bool(turn.deliveries))

    def _reserve(self, most: int | None = None) -> int:
        return 0 if self._claims_nothing else self._share.reserve(most)

    def _lanes(self) -> Sequence[str]:
        return lanes.order(self._options)

    def _caps(self) -> dict[str, int]:
        return lanes.caps(self._options, (run.delivery.job.lane for run in self._runs))

    def _finished(self, outcome: Outcome | Committed | None) -> None:
        if isinstance(outcome, Committed):
            self._take_note(outcome.success)
        elif outcome is not None:
            self._outcomes.append(outcome)
        self._rouse()

    def _take_note(self, success: Succeeded) -> None:
        """The broker has it already."""
        self._lease.forget(success.delivery.job.id, success.delivery.claim)
        self._report.settled(success, Answer.DONE)
        self._statistics.settled([success], [Answer.DONE])
        self._hungry = True  # as after a turn that would have told of it

    async def _wait_for_work(self) -> None:
        await self._app.broker.wait(self._lease.epoch, self._until_due_s)

    def _woken(self) -> None:
        self._hungry = True
        self._rouse()

    @property
    def _until_due_s(self) -> float:
        longest_s = self._options.poll_block_ms / 1000
        if self._next_due_s is None or self._next_due_s > longest_s:
            return longest_s
        # who put back what it does not know leaves it to another, who looks within `longest_s` after it is due
        spare_s = longest_s if self._runs.lacks_tasks else 0.0
        return max(self._next_due_s, 0.001) + spare_s

    async def _listen(self) -> None:
        for command in await self._app.broker.listen(self._lease.epoch, LISTEN_S):
            self._obey(command)

    def _obey(self, command: Command) -> None:
        match command.order:
            case Order.ABORT:
                self._runs.end(command.job_id, command.claim, Cut.ABORT)
            case Order.QUIET | Order.RESUME if not self._stopping:
                self._be_quiet(command.order is Order.QUIET)
            case Order.STOP:
                self.stop()

    def _be_quiet(self, is_quiet: bool) -> None:
        """Claim nothing more but stay, with lease and duties; or claim again."""
        self._is_quiet, self._heartbeat.mood = is_quiet, "quiet" if is_quiet else ""
        self._report.quieted(is_quiet, len(self._runs))
        self._watch.end()
        self._share.rest()
        self._woken()

    async def _tell_figures(self) -> None:
        await self._statistics.tell(self._lease.epoch)

    async def _begin_anew(self, lease: Lease, error: LeaseLost) -> None:
        """The epoch is over: nothing that ran in it may write any more."""
        lease.cut_short()
        async with self._renewing:
            if lease is not self._lease:
                return  # the pump and the beat both hear of it
            self._report.lease_lost(str(error))
            self._runs.forsake()
            self._outcomes.clear()
            self._lease = await Lease.begin(self._app.broker, self._card, self._patience)
            with contextlib.suppress(BrokerError):
                await self._app.broker.leave(lease.epoch)  # for what still waits in its name
        self._woken()

    async def _wind_up(self) -> None:
        """Cut off what still runs, hand it back, say goodbye. What a thread does not end soon is handed back, too."""
        self._stopping = True
        self._watch.end()
        await self._runs.stop(CANCEL_GRACE_S)
        await cancel_and_wait(self._duties)
        try:
            async with asyncio.timeout(CANCEL_GRACE_S):
                if self._duties:
                    await self._say_goodbye()
        except (BrokerError, LeaseLost, TimeoutError) as error:
            self._report.broker_trouble(error, 0.0)
        finally:
            await self._share.pulse.leave(self._charge)
            await self._lifespan.end()
            await self._app.broker.close()
        self._report.ended()

    async def _say_goodbye(self) -> None:
        await self._lease.finish_pending()
        if self._outcomes:
            await self._turn(0)
        with contextlib.suppress(BrokerError):  # who leaves hands back what he holds, also where figures are refused
            await self._tell_figures()
        await self._app.broker.leave(self._lease.epoch)
