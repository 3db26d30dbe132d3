"""A worker of 16 slots and a producer beside it, and what became of all that was accepted while things happened."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from ardiq_django import BrokerError, Job, TaskResult, current_task
from tests.engine.house import House, end_of, until

SLOTS = 16
PACE_S = 0.005  # between two enqueues
TAKES_S = 0.02  # each job


class Load:
    """The producer sends the same call again until it is answered, as one does who insists; `refusals` are what it was
    told meanwhile. Jobs end while `may_end` is set."""

    def __init__(self, house: House, **options: Any) -> None:
        self.house = house
        self.worker = house.app(concurrency=SLOTS, poll_block_ms=100, **options)
        self.caller = house.app()
        self.jobs: list[Job[Any]] = []
        self.refusals: list[BrokerError] = []
        self.begun: Counter[str] = Counter()
        self.ended: Counter[str] = Counter()
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._work = self.worker.task(name="work", max_retries=0)(self._body)

    async def _body(self, number: int) -> int:
        job_id = current_task().task_id
        self.begun[job_id] += 1
        await asyncio.sleep(TAKES_S)
        await self.may_end.wait()
        self.ended[job_id] += 1
        return number

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """The worker works until the block ends."""
        async with self.house.working(self.worker):
            yield

    @asynccontextmanager
    async def producing(self) -> AsyncIterator[None]:
        """Jobs come until the block ends, the last of which is accepted then."""
        over = asyncio.Event()
        producer = asyncio.create_task(self._produce(over))
        try:
            yield
        except BaseException:
            producer.cancel()  # it would insist for ever
            raise
        over.set()
        await producer

    async def _produce(self, over: asyncio.Event) -> None:
        while not over.is_set():
            await self.put()
            await asyncio.sleep(PACE_S)

    async def put(self) -> Job[Any]:
        """A job more, however often it must be asked for."""
        call = self._work.prepare(len(self.jobs))
        while True:
            try:
                (job,) = await self.caller.enqueue_many([call])
            except BrokerError as error:
                self.refusals.append(error)
                await asyncio.sleep(PACE_S)
            else:
                self.jobs.append(job)
                return job

    async def until_more_end(self, number: int = 2 * SLOTS) -> None:
        """Return once so many more jobs have ended: what happened before is over then."""
        goal = self.ended.total() + number
        await until(lambda: self.ended.total() >= goal)

    async def until_running(self, number: int) -> None:
        """Return once so many run at the same moment."""
        await until(lambda: self.begun.total() - self.ended.total() == number)

    async def until_all_have_ended(self) -> None:
        await until(lambda: len(self.ended) == len(self.jobs))

    async def ends(self) -> list[TaskResult[Any]]:
        """How each accepted job ended; the test fails if one does not."""
        return [await end_of(job) for job in self.jobs]

    async def check(self) -> None:
        """Each accepted job ended as it should, and its body ran once: neither a rerun nor a crash is on record."""
        results = await self.ends()
        assert len(results) > SLOTS
        assert [result.value for result in results] == list(range(len(self.jobs)))
        assert {(result.success, result.tries, result.attempts) for result in results} == {(True, 1, ())}
        assert self.begun == self.ended == Counter(job.id for job in self.jobs)
