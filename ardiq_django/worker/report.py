"""Every sentence a worker logs. Arguments and results are never among them.

An event is one line; a traceback follows it, indented. Names, ids and the texts of errors are anybody's: they are
escaped and cut.
"""

import logging
from typing import TYPE_CHECKING

from ardiq_django.line import Lines, field, line, logger_of, said
from ardiq_django.wire import Aborted, Answer, Delivery, Failed, Outcome, Released, Requeued, Retrying, Succeeded

if TYPE_CHECKING:
    from ardiq_django.ardiq import Ardiq

logger = logger_of("ardiq.worker")
MOST_OF_REASON = 500


class Report:
    """Tells the log what happens in one worker, each event in one line of one form."""

    def __init__(self, queue: str, worker_id: str) -> None:
        self._where = f"queue={queue} worker={field(worker_id)}"

    def began(self, app: "Ardiq") -> None:
        form = "worker began %s broker=%s lanes=%s slots=%d tasks=%d"
        lanes, slots = ",".join(app.priorities), app.options.concurrency
        logger.info(form, self._where, app.broker.shown_address, lanes, slots, len(app.tasks))

    def stopping(self, running: int) -> None:
        logger.info("worker stops %s running=%d", self._where, running)

    def quieted(self, is_quiet: bool, running: int) -> None:
        logger.info("worker %s %s running=%d", "is quiet" if is_quiet else "goes on", self._where, running)

    def ended(self) -> None:
        logger.info("worker ended %s", self._where)

    def started(self, delivery: Delivery) -> None:
        if logger.isEnabledFor(logging.DEBUG):
            self._job(logging.DEBUG, "started", delivery)

    def settled(self, outcome: Outcome, answer: Answer) -> None:
        """How an attempt ended, once the broker has it; or that the broker would not have it."""
        if answer in (Answer.STALE, Answer.GONE):
            why = f" answer={answer}: another attempt holds the job now"
            self._job(logging.WARNING, "outcome refused", outcome.delivery, why)
            return
        event, level = EVENTS[type(outcome)]
        if logger.isEnabledFor(level):
            trace = outcome.attempt.traceback if isinstance(outcome, Failed) else ""
            self._job(level, event, outcome.delivery, _why(outcome), trace=trace)

    def unknown_task(self, delivery: Delivery, delay_ms: int) -> None:
        why = f" delay_ms={delay_ms}: no task of this name is registered here; is this worker's code older?"
        self._job(logging.WARNING, "put back", delivery, why)

    def lost(self, delivery: Delivery) -> None:
        self._job(logging.WARNING, "lost", delivery, ": its lease was taken back, so this attempt is cancelled")

    def stuck(self, delivery: Delivery, timeout: float | None) -> None:
        why = f" timeout={timeout}: timed out, thread still busy; the slot is free again when it ends"
        self._job(logging.WARNING, "overdue", delivery, why)

    def hook_failed(self, delivery: Delivery, error: BaseException) -> None:
        self._job(logging.ERROR, "error hook failed", delivery, f": {line(said(repr, error))}", error)

    def failed_after_commit(self, delivery: Delivery, error: BaseException) -> None:
        """Of what waited for the commit of an atomic task, which has succeeded."""
        self._job(logging.ERROR, "on_commit hook failed", delivery, f": {line(said(repr, error))}", error)

    def lifespan_failed(self, error: BaseException) -> None:
        logger.error("lifespan failed %s: %r", self._where, error, exc_info=error)

    def lease_lost(self, reason: str) -> None:
        logger.warning("lease lost %s: %s; what ran is cancelled, the worker begins anew", self._where, reason)

    def reaped(self, number: int) -> None:
        logger.warning("took back %d jobs of lost workers %s", number, self._where)

    def broker_trouble(self, error: BaseException, delay_s: float) -> None:
        logger.warning("broker trouble %s: %s; trying again in %.1f s", self._where, error, delay_s)

    def broker_back(self) -> None:
        logger.info("broker back %s", self._where)

    def stands_still(self, still_s: float, stacks: str) -> None:
        form = "event loop stands still %s since %.1f s: its leases are not renewed any more until it goes on%s"
        logger.error(form, self._where, still_s, Lines(stacks))

    def goes_on(self, still_s: float) -> None:
        logger.warning("event loop goes on %s after it stood still for %.1f s", self._where, still_s)

    def duty_failed(self, duty: str, error: BaseException) -> None:
        logger.error("%s failed %s, goes on: %r", duty, self._where, error, exc_info=error)

    def _job(
        self,
        level: int,
        event: str,
        delivery: Delivery,
        more: str = "",
        error: BaseException | None = None,
        trace: str = "",
    ) -> None:
        job_id, task, tries = field(delivery.job.id), field(delivery.job.task), delivery.tries
        form = "job %s id=%s task=%s %s attempt=%d%s%s"
        logger.log(level, form, event, job_id, task, self._where, tries, more, Lines(trace), exc_info=error)


EVENTS: dict[type, tuple[str, int]] = {
    Succeeded: ("succeeded", logging.INFO),
    Failed: ("failed", logging.ERROR),
    Retrying: ("retrying", logging.WARNING),
    Aborted: ("aborted", logging.INFO),
    Requeued: ("requeued", logging.INFO),
    Released: ("released", logging.INFO),
}


def _why(outcome: Outcome) -> str:
    match outcome:
        case Succeeded(start_ms=start, finish_ms=finish):
            return f" duration_ms={finish - start}"
        case Failed(reason=reason):
            return f" reason={line(reason, MOST_OF_REASON)}"
        case Retrying(attempt=attempt, delay_ms=delay):
            return f" delay_ms={delay} error={line(f'{attempt.error_type}: {attempt.message}', MOST_OF_REASON)}"
        case Requeued(delay_ms=delay):
            return f" delay_ms={delay}"
    return ""
