"""What an app says of the jobs of its queue, and does with them: by their ids, all the dead letters, all that wait."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ardiq_django.brokers import Broker
from ardiq_django.config import AppOptions
from ardiq_django.handles import Job, run_sync
from ardiq_django.reading import call_of
from ardiq_django.results import Attempt, State, Status, TaskInfo, TaskResult
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.wire import Answer

AT_ONCE = 500
UNSURE_MS = 1_000  # by so much a worker may be wrong about the broker's clock


class DeadLetter(NamedTuple):
    """A job that failed for good. A call that cannot be decoded shows as one without arguments."""

    task_id: str
    fn_name: str
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    priority: str
    error: str  # what `TaskResult.value` says
    tries: int
    enqueue_time: int
    failed_at: int
    attempts: Sequence[Attempt]


class Queue(ABC):
    """The half of an app that asks about jobs. Each method has a sync twin."""

    @property
    @abstractmethod
    def broker(self) -> Broker: ...

    @property
    @abstractmethod
    def options(self) -> AppOptions: ...

    @abstractmethod
    def decode(self, data: bytes) -> Any: ...

    @abstractmethod
    def job(self, task_id: str) -> Job[Any]: ...

    async def result(self, task_id: str, timeout: float | None = None) -> TaskResult[Any] | None:
        """See `Job.result`."""
        return await self.job(task_id).result(timeout)

    async def status(self, task_id: str) -> Status:
        """See `Job.status`."""
        return await self.job(task_id).status()

    async def info(self, task_id: str) -> TaskInfo | None:
        """See `Job.info`."""
        return await self.job(task_id).info()

    async def abort(self, task_id: str) -> bool:
        """See `Job.abort`."""
        return await self.job(task_id).abort()

    async def delete(self, task_id: str) -> bool:
        """See `Job.delete`."""
        return await self.job(task_id).delete()

    async def queue_size(self) -> int:
        """How many jobs wait: queued and scheduled, not those running."""
        return await self.broker.size()

    async def dead_letters(self, limit: int = 100, *, task: str = "", offset: int = 0) -> list[DeadLetter]:
        """The jobs that failed for good, of all tasks or of one, the newest first. They are kept as long as failures
        are (`history_ttl_ms`, `history_max`); of these the newest 10,000 are looked at."""
        query = Query([State.FAILED], task=task, offset=offset, limit=limit)
        return [self._letter(row) for row in (await self.broker.page(query)).rows]

    def _letter(self, row: Snapshot) -> DeadLetter:
        job, reason, failed_at = row.job, row.end.reason if row.end else "", row.end.finish_ms if row.end else 0
        try:
            args, kwargs = call_of(row, self.decode)
        except ValueError:
            args, kwargs = (), {}
        return DeadLetter(
            job.id, job.task, args, kwargs, job.lane, reason, row.tries, job.enqueued_ms, failed_at, row.attempts
        )

    async def dead_count(self, *, task: str = "") -> int:
        """How many jobs failed for good and are still kept; of one task, among the newest 10,000."""
        if not task:
            return (await self.broker.counts())[State.FAILED]
        return (await self.broker.page(Query([State.FAILED], task=task, limit=1))).total

    async def replay(self, task_id: str) -> Job[Any] | None:
        """Queue a failed, aborted or expired job again: same id, same lane, fresh budget, its attempts kept as history;
        None from any other state. Raises `ValueError` if the queue has no such lane any more."""
        snapshot = await self.broker.get(task_id)
        self._check_lanes([snapshot] if snapshot else [])
        (answer,) = await self.broker.replay([task_id])
        return self.job(task_id) if answer is Answer.DONE else None

    async def replay_dead(self, *, task: str = "") -> int:
        """Queue all dead letters again, or those of one task; returns how many. One that fails anew meanwhile stays."""

        async def replay(rows: Sequence[Snapshot]) -> list[Answer]:
            self._check_lanes(rows)
            return await self.broker.replay([row.job.id for row in rows])

        return await self._with_all_dead(task, replay)

    async def delete_dead(self, *, task: str = "") -> int:
        """Remove all dead letters, or those of one task; returns how many."""

        async def delete(rows: Sequence[Snapshot]) -> list[Answer]:
            return await self.broker.delete([row.job.id for row in rows])

        return await self._with_all_dead(task, delete)

    async def _with_all_dead(self, task: str, verb: Callable[[Sequence[Snapshot]], Awaitable[list[Answer]]]) -> int:
        # each job once: one that fails at once would be replayed for ever
        until_ms = await self.broker.now_ms() + UNSURE_MS
        query, seen, done = Query([State.FAILED], task=task, until_ms=until_ms, limit=AT_ONCE), set[str](), 0
        while rows := (await self.broker.page(query)).rows:
            fresh = [row for row in rows if row.job.id not in seen]
            seen |= {row.job.id for row in fresh}
            if fresh:
                done += (await verb(fresh)).count(Answer.DONE)
            else:
                query = replace(query, offset=query.offset + AT_ONCE)
        return done

    def _check_lanes(self, rows: Sequence[Snapshot]) -> None:
        for row in rows:
            if row.job.lane:  # a call that cannot be decoded has none
                self.options.check_lane(row.job.lane)

    async def pause(self) -> None:
        """Let no worker begin another job of this queue until `resume`; what runs goes on, and so do producers."""
        await self.broker.pause()

    async def resume(self) -> None:
        """Let workers begin jobs again."""
        await self.broker.resume()

    async def paused(self) -> bool:
        """Whether the queue is paused."""
        return await self.broker.paused()

    async def clear(self) -> int:
        """Remove every job that waits; returns how many. Running jobs and results stay."""
        return await self.broker.clear()

    def result_sync(self, task_id: str, timeout: float | None = None) -> TaskResult[Any] | None:
        return self.job(task_id).result_sync(timeout)

    def status_sync(self, task_id: str) -> Status:
        return self.job(task_id).status_sync()

    def info_sync(self, task_id: str) -> TaskInfo | None:
        return self.job(task_id).info_sync()

    def abort_sync(self, task_id: str) -> bool:
        return self.job(task_id).abort_sync()

    def delete_sync(self, task_id: str) -> bool:
        return self.job(task_id).delete_sync()

    def queue_size_sync(self) -> int:
        return run_sync(self, self.queue_size())

    def dead_letters_sync(self, limit: int = 100, *, task: str = "", offset: int = 0) -> list[DeadLetter]:
        return run_sync(self, self.dead_letters(limit, task=task, offset=offset))

    def dead_count_sync(self, *, task: str = "") -> int:
        return run_sync(self, self.dead_count(task=task))

    def replay_sync(self, task_id: str) -> Job[Any] | None:
        return run_sync(self, self.replay(task_id))

    def replay_dead_sync(self, *, task: str = "") -> int:
        return run_sync(self, self.replay_dead(task=task))

    def delete_dead_sync(self, *, task: str = "") -> int:
        return run_sync(self, self.delete_dead(task=task))

    def pause_sync(self) -> None:
        run_sync(self, self.pause())

    def resume_sync(self) -> None:
        run_sync(self, self.resume())

    def paused_sync(self) -> bool:
        return run_sync(self, self.paused())

    def clear_sync(self) -> int:
        return run_sync(self, self.clear())
