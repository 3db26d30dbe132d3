"""What became of a worker's attempts, added up until its broker has been told."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import Attempt
from ardiq_django.statistics import (
    ABORTED,
    BEGUN,
    FAILED,
    MOST_TASKS,
    RETRIED,
    RUN,
    SUCCEEDED,
    WAIT,
    Figures,
    cell_of,
)
from ardiq_django.wire import Aborted, Answer, Delivery, Failed, Outcome, Retrying, Succeeded

if TYPE_CHECKING:
    from ardiq_django.brokers import Broker

TOLD_EVERY_S = 5.0
_COUNTERS: dict[type, int] = {Succeeded: SUCCEEDED, Failed: FAILED, Retrying: RETRIED, Aborted: ABORTED}
Sums = dict[str, dict[int, int]]


class Statistics:
    """The figures of one worker, by task. What happens to a job costs a few additions, and no call of the broker."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._sums: Sums = {}
        self._epoch = ""
        self._number = 0  # of the last report in this epoch
        self._report: dict[str, Figures] = {}  # under way: the same, under the same number, until it was answered
        self._is_doubtful = False  # whether the report may have been added already

    # Both are on the hot path, and take half a microsecond for each job: hence loops here, few calls and no `max`.

    def begun(self, deliveries: Iterable[Delivery], now_ms: int) -> None:
        """These attempts begin, by the broker's clock."""
        sums = self._sums
        for delivery in deliveries:
            job = delivery.job
            cells = sums.get(job.task) or self._of(job.task)
            cells[BEGUN] += 1
            # when a later attempt was due is not known here
            if delivery.tries == 1 and not (delivery.crashes or delivery.requeues or delivery.broken):
                due_ms = job.enqueued_ms + job.delay_ms
                cells[WAIT + cell_of(now_ms - (due_ms if due_ms > job.schedule_ms else job.schedule_ms))] += 1

    def settled(self, outcomes: Iterable[Outcome], answers: Iterable[Answer]) -> None:
        """These attempts ended so, and this is what the broker says of it: what it did not take is not counted."""
        sums, done = self._sums, Answer.DONE
        for outcome, answer in zip(outcomes, answers, strict=True):
            counter = _COUNTERS.get(type(outcome))
            if counter is None or answer is not done:
                continue
            task = outcome.delivery.job.task
            span: Succeeded | Attempt = outcome if counter == SUCCEEDED else outcome.attempt  # type: ignore
            cells = sums.get(task) or self._of(task)
            cells[counter] += 1
            cells[RUN + cell_of(span.finish_ms - span.start_ms)] += 1

    def _of(self, task: str) -> dict[int, int]:
        # names come from whoever enqueues, so there may be any number of them
        name = task if len(self._sums) < MOST_TASKS else ""
        return self._sums.setdefault(name, defaultdict(int))

    async def tell(self, epoch: str) -> None:
        """Report what was not reported yet, exactly once as long as the epoch lasts.

        What may have been added in an epoch that is over is not reported again."""
        self._prepare(epoch)
        if not self._report:
            return
        doubtful, self._is_doubtful = self._is_doubtful, True
        try:
            await self._broker.report(epoch, self._number, self._report)
        except LeaseLost:
            self._is_doubtful = doubtful
            return
        self._report, self._is_doubtful = {}, False

    def _prepare(self, epoch: str) -> None:
        if epoch != self._epoch:
            if self._is_doubtful:
                self._report = {}
            self._epoch, self._number, self._is_doubtful = epoch, int(bool(self._report)), False
        if self._sums and not self._report:
            self._report = {task: Figures(cells) for task, cells in self._sums.items()}
            self._sums, self._number = {}, self._number + 1
