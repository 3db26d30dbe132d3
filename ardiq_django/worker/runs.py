"""What runs in a worker right now: starts deliveries in slots, and collects how they end."""

import asyncio
import contextlib
import contextvars
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ardiq_django.wire import Delivery, News, Outcome
from ardiq_django.worker.atomic import Committed
from ardiq_django.worker.bodies.attempts import ProcessAttempts
from ardiq_django.worker.clock import BrokerClock
from ardiq_django.worker.deadlines import Deadlines
from ardiq_django.worker.executor import UNKNOWN_MOST_MS, Executor, put_back
from ardiq_django.worker.report import Report
from ardiq_django.worker.run import Cut, Run
from ardiq_django.worker.slots import Share

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

THREAD_GRACE_S = 2.0  # for those that look whether they are to end
LACKS_FOR_S = 2 * UNKNOWN_MOST_MS / 1000


class Runs:
    """The attempts of one worker. `finished` is called on the loop with each outcome that is to be settled, and with
    None where a slot became free and there is nothing to say."""

    def __init__(
        self,
        app: "Ardiq",
        report: Report,
        clock: BrokerClock,
        share: Share,
        finished: Callable[[Outcome | Committed | None], None],
    ) -> None:
        self._app = app
        self._report = report
        self._clock = clock
        self._finished = finished
        self._loop = asyncio.get_running_loop()
        self._share = share
        runner = asyncio.current_task()
        is_torn_down = lambda: runner is not None and runner.cancelling() > 0  # noqa: E731
        self._executor = Executor(app, clock, is_torn_down, app.broker.completion)
        self._deadlines = Deadlines(self._overdue, self._holds)
        self._in_process = ProcessAttempts(app, clock, share.processes, self._limit)
        self._runs: dict[str, Run] = {}
        self._one_ended = asyncio.Event()
        self._put_back_s = float("-inf")
        self._from_threads: list[tuple[Run, Outcome | Committed | None]] = []
        self._handing_over = threading.Lock()

    def __len__(self) -> int:
        return len(self._runs)

    def __iter__(self) -> Iterator[Run]:
        return iter(self._runs.values())

    def __contains__(self, job_id: str) -> bool:
        return job_id in self._runs

    @property
    def news(self) -> News:
        """When each began, and how far it says it is."""
        starts = {job_id: run.start_ms for job_id, run in self._runs.items()}
        told = {job_id: run.context.progress_made for job_id, run in self._runs.items() if run.context}
        return News(starts, {job_id: made for job_id, made in told.items() if made})

    @property
    def lacks_tasks(self) -> bool:
        """Whether jobs were put back lately because their task is unknown here."""
        return time.monotonic() - self._put_back_s < LACKS_FOR_S

    def start(self, delivery: Delivery, epoch: str) -> None:
        """Begin an attempt, of what this epoch has claimed, in a slot that was reserved."""
        definition = self._app.registry.tasks.get(delivery.job.task)
        run = Run(delivery, definition, self._share.take(), self._clock.now_ms(), epoch)
        self._runs[delivery.job.id] = run
        self._report.started(delivery)
        if definition is None and self._put_back(run):
            return
        if definition and definition.in_process:
            run.task = self._loop.create_task(self._execute_in_process(run))
            return  # its time begins with its body
        if definition is None or definition.is_async or self._executor.needs_loop:
            run.task = self._loop.create_task(self._execute(run))
        else:
            context = contextvars.copy_context()
            run.slot.thread.post(lambda: context.run(self._execute_in_thread, run))
        self._limit(run)

    def _limit(self, run: Run) -> None:
        if run.definition and run.definition.options.timeout is not None:
            self._deadlines.watch(run, run.definition.options.timeout)

    def end(self, job_id: str, claim: int, cut: Cut) -> None:
        """Ask one attempt to end, if it is the one that runs."""
        run = self._runs.get(job_id)
        if run and run.delivery.claim == claim and not run.is_completing:
            if cut is Cut.LOST:
                self._report.lost(run.delivery)
            run.end(cut)

    def forsake(self) -> None:
        """Cancel everything; nothing of it may be written any more."""
        for run in self._runs.values():
            run.end(Cut.LOST)
        self._runs.clear()

    async def stop(self, grace_s: float) -> None:
        """Cut off what still runs, wait a while for it to end, and let go of the slots."""
        tasks = [run.task for run in self._runs.values() if run.task]
        for run in list(self._runs.values()):
            run.end(Cut.STOP)
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        # what is handed back while a thread still runs it may begin elsewhere beside it
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(THREAD_GRACE_S):
                await self._none_left()
        self._deadlines.close()
        await self._share.leave()

    async def _none_left(self) -> None:
        while self._runs:
            self._one_ended.clear()
            await self._one_ended.wait()

    def _put_back(self, run: Run) -> bool:
        """Whether a job of an unknown task waits for a worker that knows it; a broken one, or one for which the grace
        is over, fails instead."""
        back = None if run.delivery.broken else put_back(run, self._app.options.unknown_task_grace_s)
        if back:
            self._put_back_s = time.monotonic()
            self._report.unknown_task(run.delivery, back.delay_ms)
            self._finish(run, back)
        return back is not None

    async def _execute(self, run: Run) -> None:
        self._finish(run, await self._executor.execute(run))

    async def _execute_in_process(self, run: Run) -> None:
        self._finish(run, await self._executor.execute_elsewhere(run, self._in_process.run))

    def _execute_in_thread(self, run: Run) -> None:
        outcome = self._executor.execute_sync(run)
        with self._handing_over:
            self._from_threads.append((run, outcome))
            is_first = len(self._from_threads) == 1
        # one wake-up of the loop for all that finish before it comes round
        if is_first:
            # a thread may outlive the worker that could not wait for it
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._collect)

    def _collect(self) -> None:
        with self._handing_over:
            finished, self._from_threads = self._from_threads, []
        for run, outcome in finished:
            self._finish(run, outcome)

    def _finish(self, run: Run, outcome: Outcome | Committed | None) -> None:
        if self._holds(run):
            del self._runs[run.delivery.job.id]
        self._one_ended.set()
        self._share.give(run.slot)
        if run.is_stale:
            self._report.lost(run.delivery)
        if run.error_after is not None:
            self._report.failed_after_commit(run.delivery, run.error_after)
        is_lost = run.cut is Cut.LOST and not isinstance(outcome, Committed)
        self._finished(None if is_lost else outcome)

    def _holds(self, run: Run) -> bool:
        return self._runs.get(run.delivery.job.id) is run

    def _overdue(self, run: Run) -> None:
        definition = run.definition
        if run.in_thread and definition and not definition.is_async:
            self._report.stuck(run.delivery, definition.options.timeout)
        run.end(Cut.TIMEOUT)
