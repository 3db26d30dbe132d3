"""The contract every broker keeps: its verbs, and what each one promises.

All times are epoch milliseconds by the *broker's* clock (Redis TIME, the database's clock), never a host's. `skew_ms`
is added to that clock; it is 0 in production and lets tests travel in time against a real server.

Every verb is one atomic, repeatable step: applied twice it changes nothing the second time. Verbs that take several
jobs answer one word for each, in order. Any verb may raise `BrokerError` when the broker cannot be reached; nothing is
half done then. A waiting job whose window is over has ended as expired for every verb, swept or not.

Verbs are coroutines and may be awaited on any event loop of the process; `run_sync` is the one bridge for synchronous
callers.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ardiq_django import bridge
from ardiq_django.brokers.completion import Completion
from ardiq_django.brokers.durability import Advice, Durability
from ardiq_django.brokers.schedules import Schedules
from ardiq_django.config import QueueRules
from ardiq_django.exceptions import ConfigError
from ardiq_django.results import State
from ardiq_django.snapshot import (
    ENDED_BY_ATTEMPTS,
    ERRORS_SCANNED,
    Erred,
    Errors,
    Page,
    Query,
    Ran,
    Snapshot,
    Totals,
    Vitals,
    WorkerRow,
)
from ardiq_django.statistics import Figures, Point, Resolution, by_task, by_time
from ardiq_django.validation import masked
from ardiq_django.wire import (
    Acceptance,
    Amendment,
    Answer,
    Beat,
    Command,
    Exchange,
    News,
    Occurrence,
    StagedJob,
    Turn,
    WorkerCard,
)

__all__ = ["Broker", "QueueRules"]

T = TypeVar("T")


class Broker(ABC):
    """Keeps the jobs of one queue."""

    skew_ms: int = 0
    schedules: Schedules  # those that were planned, not those declared in code

    def __init__(self, address: str, rules: QueueRules) -> None:
        self.address = address
        self.rules = rules

    @property
    def shown_address(self) -> str:
        """The address without its password, for logs and messages."""
        return masked(self.address)

    def run_sync(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine that awaits only this broker, from a thread without a running loop."""
        return bridge.run(coroutine)

    @abstractmethod
    async def close(self) -> None:
        """Let go of the connections that belong to the running event loop."""

    @abstractmethod
    async def enqueue(self, jobs: Sequence[StagedJob]) -> list[Acceptance]:
        """Store jobs, each `created`, `existing` or `conflict`; atomic up to 1,000 jobs and 4 MB of calls.

        A job with a delay or a later `schedule_ms` is scheduled, any other queued at the tail of its lane.
        An id that is known: the same identity (token) is `existing`, even after its end; else the same non-empty
        digest while in flight is `existing`; else, after its end and if `replaces`, a new run takes the old record's
        place and its attempts stay as history (`created`); anything else is a `conflict` and changes nothing.
        For the `unique_for_ms` of a job after its end, its id is met as if the job were still in flight.

        With the rule `max_queue`, the jobs of such a step that would be created are all `full`, and none is stored, if
        more than that would wait with them (queued, scheduled or retrying; not running). This is decided in the step
        that stores them; on PostgreSQL and MySQL by what is committed, so that transactions of one moment may exceed it
        by what they bring together. Nothing else is ever refused: retries, what is put back, replays, schedules.
        """

    @abstractmethod
    async def register(self, card: WorkerCard) -> None:
        """Begin an epoch with a full lease."""

    @abstractmethod
    async def leave(self, epoch: str) -> None:
        """End an epoch at once; whatever it still holds is handed back as by `Released`."""

    @abstractmethod
    async def exchange(self, turn: Exchange) -> Turn:
        """Settle outcomes, promote what is due (200 at most), hand out up to `want` jobs; renews the lease.

        Raises `LeaseLost`, changing nothing, if the epoch is unknown or was reaped. An outcome whose claim is no longer
        this epoch's is `stale` and changes nothing. Jobs leave each lane in FIFO order, lanes in the order given.
        Nothing is handed out while the queue is paused. A job whose window is over ends as expired instead of being
        handed out. A job with crashes is handed out alone: a worker chosen for it gets nothing else until it holds
        nothing, then that job, and nothing beside it. At most half of the living workers, and at least one, are chosen
        at a time; a worker that holds nothing takes the place of a chosen one that has not begun, and needs no choosing
        where there is room. Who dies, leaves, or wants nothing and runs no such job makes room at once.
        """

    def completion(self, epoch: str, worker_id: str) -> Completion:
        """The transaction of an attempt of an `atomic` task, for the thread that runs it.

        It ends the job as a success of `exchange` does, with the same fence. Later turns need not tell of it."""
        raise ConfigError(f"queue {self.rules.queue!r}: atomic tasks need a database broker; use once() in the body")

    @abstractmethod
    async def wait(self, epoch: str, timeout_s: float) -> None:
        """Sleep until there may be something to claim, or the time is over. May wake for nothing; consumes no work."""

    async def claim(self, turn: Exchange, timeout_s: float) -> Turn:
        """Sleep until there may be something to claim, or the time is over; then `exchange(turn)`, without outcomes.

        For a worker whose last turn found less than it wanted. If this fails or is cancelled, `exchange(turn)` tells
        what came of it: it is answered as it was, or made then."""
        await self.wait(turn.epoch, timeout_s)
        return await self.exchange(turn)

    @abstractmethod
    async def listen(self, epoch: str, timeout_s: float) -> list[Command]:
        """Sleep until this worker is told something, or the time is over (an empty list)."""

    @abstractmethod
    async def beat(self, epoch: str, call: int, held: Mapping[str, int], news: News) -> Beat:
        """Renew the lease and store the news; tell what of `held` (id → claim) is lost or to be aborted, and what else
        this epoch holds.

        `call` is the last exchange whose answer has arrived: later claims are on their way and not `unknown`.
        Raises `LeaseLost` if the epoch is unknown or was reaped.
        """

    @abstractmethod
    async def renew(self, epoch: str) -> None:
        """Renew the lease and change nothing else, for a worker whose event loop cannot beat just now.

        Raises `LeaseLost` if the epoch is unknown or was reaped."""

    @abstractmethod
    async def report(self, epoch: str, number: int, figures: Mapping[str, Figures]) -> None:
        """Add what became of attempts, by task, to the bucket of this moment in each resolution.

        The reports of an epoch are numbered from 1, one after the other; a number that was added before changes
        nothing. The lease is not renewed. Raises `LeaseLost`, changing nothing, if the epoch is unknown or was reaped.
        A bucket keeps about `MOST_TASKS` tasks by name, and the sum of all others under "".
        """

    @abstractmethod
    async def tell(self, epoch: str, command: Command) -> bool:
        """Give a worker an order; it hears it within milliseconds. False if there is no such worker."""

    @abstractmethod
    async def reap(self, dead: Collection[str] = ()) -> int:
        """Take back what workers hold whose lease is over: to the head of its lane with one crash more, or to its end
        as failed when the crashes reach `max_crashes`. Returns how many jobs were taken back.

        With `dead`, for one who knows that their processes are gone: take back at once, in the same way, what these
        epochs hold, and what no other does, be its lease over or not. An epoch that is unknown changes nothing.

        What is in the middle of its `completion` is left to a later call, and so is its epoch."""

    @abstractmethod
    async def sweep(self) -> None:
        """Upkeep in bounded steps: expire jobs whose window is over, remove records beyond their time or number, and
        buckets of figures beyond their time.

        Pushing out by number never removes a record before its result's `ttl_ms` is over. No record is removed before
        its job's `unique_for_ms` is over, whatever the rules say."""

    @abstractmethod
    async def now_ms(self) -> int:
        """The broker's clock."""

    @abstractmethod
    async def watermarks(self, schedules: Sequence[str]) -> dict[str, int]:
        """The last staged fire time of each schedule; a new schedule starts at now."""

    @abstractmethod
    async def stage(self, occurrences: Sequence[Occurrence]) -> list[bool]:
        """Enqueue each occurrence later than its schedule's watermark, moving it forward in the same atomic step.

        True where this call enqueued it; False where it had been staged before, or where it coalesces and the job that
        its schedule staged last has not ended, or where its schedule is switched off: the watermark moves then, and the
        occurrence is given up."""

    @abstractmethod
    async def get(self, job_id: str) -> Snapshot | None:
        """Everything known of one job; a waiting job whose window is over is shown as expired, swept or not."""

    async def get_many(self, ids: Sequence[str]) -> dict[str, Snapshot]:
        """Those of these jobs that are known, by id."""
        found = [await self.get(job_id) for job_id in dict.fromkeys(ids)]
        return {one.job.id: one for one in found if one}

    @abstractmethod
    async def wait_end(self, job_id: str, timeout_s: float) -> Snapshot | None:
        """Like `get`, once the job has ended; raises `TimeoutError` if it has not by then. Wakes by notification.

        An unknown job is waited for as well: it may be about to be enqueued."""

    @abstractmethod
    async def size(self) -> int:
        """How many jobs wait: queued, scheduled and retrying, not those running."""

    @abstractmethod
    async def counts(self) -> dict[State, int]:
        """How many jobs are in each state."""

    @abstractmethod
    async def vitals(self) -> Vitals:
        """How the queue stands, in a few reads however many jobs there are.

        A database counts no further than `COUNTED_MOST` in each state: so many stand for so many or more."""

    @abstractmethod
    async def count(self, query: Query) -> Totals:
        """How many jobs of a query are in each of its states, as many as `page` scans.

        Where nothing but states is asked for, no more than `COUNTED_MOST` are counted, as in `vitals`."""

    @abstractmethod
    async def page(self, query: Query) -> Page:
        """Jobs by end, start, due or enqueue time. Of each state at most the first 10,000 of that order are scanned;
        times that are asked for bound what is scanned, but for what is queued in Redis."""

    async def errors(self, query: Query, depth: int = ERRORS_SCANNED) -> Errors:
        """The jobs of a query with their last errors, in the order of `page`; the first `depth` of each state are
        scanned, and messages may be cut. For what failed or is retried; of any other job there is no error."""
        page = await self.page(replace(query, offset=0, limit=depth))
        return Errors([Erred.of(row) for row in page.rows], page.capped or page.total > depth)

    async def ahead(self, job: StagedJob) -> int | None:
        """How many jobs stand before a queued one in its lane; None where these are more than `AHEAD_MOST`, or it is
        not there."""
        return None

    async def last_runs(self, task: str, limit: int) -> list[Ran]:
        """The last jobs of a task that an attempt ended, newest first, among the newest `RUNS_SCANNED` of each end."""
        page = await self.page(Query(ENDED_BY_ATTEMPTS, task, limit=limit))
        return [run for one in page.rows if (run := one.ran)]

    @abstractmethod
    async def workers(self) -> list[WorkerRow]:
        """The registered workers."""

    @abstractmethod
    async def points(self, resolution: Resolution, since_ms: int, until_ms: int, task: str = "") -> list[Point]:
        """The figures of each task, or of the one named, in every bucket that has a part in this time and is kept.

        In any order; a bucket in which nothing happened has none. Workers report every few seconds, and what they tell
        counts for the moment at which it arrives."""

    async def series(self, resolution: Resolution, since_ms: int, until_ms: int, task: str = "") -> list[Point]:
        """As `points`, in order of time, and one point for all tasks together unless one is named."""
        return by_time(await self.points(resolution, since_ms, until_ms, task), task)

    async def totals(self, resolution: Resolution, since_ms: int, until_ms: int) -> dict[str, Figures]:
        """The figures of each task over all this time; under "" those of the tasks no bucket had room for."""
        return by_task(await self.points(resolution, since_ms, until_ms))

    @abstractmethod
    async def abort(self, ids: Sequence[str]) -> list[Answer]:
        """End waiting jobs as aborted; tell the worker of a running one (`done` too: it has been told).

        The wish stays with the running attempt: the worker hears it again with each beat, and where the attempt would
        end in a retry, a requeue, a release or a lapsed lease, the job ends as aborted. A success or failure that was
        quicker stands."""

    @abstractmethod
    async def replay(self, ids: Sequence[str]) -> list[Answer]:
        """Queue failed, aborted or expired jobs again: same id, fresh budget, attempts kept as history, no window."""

    @abstractmethod
    async def reschedule(self, ids: Sequence[str], due_ms: int) -> list[Answer]:
        """Let waiting jobs become due at `due_ms`; a time that is over means now."""

    @abstractmethod
    async def amend(self, changes: Sequence[Amendment]) -> list[Answer]:
        """Give waiting jobs another call or lane: same id, identity, attempts, due time and window.

        `done` only if the job waits and stands as it `was`; `already` if it waits and is as it is to be. One that is
        queued takes its place in the other lane by its age: before the first that came into its lane later, which on
        Redis the producers' clocks tell. What the call may be, and how large, is up to who changes it."""

    @abstractmethod
    async def delete(self, ids: Sequence[str]) -> list[Answer]:
        """Remove jobs that are not running, with everything about them."""

    @abstractmethod
    async def pause(self) -> None:
        """Hand out nothing until `resume`; producers go on."""

    @abstractmethod
    async def resume(self) -> None:
        """Hand out again."""

    @abstractmethod
    async def paused(self) -> bool:
        """Whether the queue is paused."""

    @abstractmethod
    async def clear(self) -> int:
        """Remove every job that waits; returns how many. Running jobs and records stay."""

    @abstractmethod
    async def durability(self) -> Durability:
        """What a crash of the broker may lose, read from the server's own settings."""

    async def advice(self) -> Sequence[Advice]:
        """What else of the server's own settings endangers jobs; nothing where it does not tell."""
        return ()
