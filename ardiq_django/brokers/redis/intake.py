"""Jobs on their way into Redis: in calls of bounded size, together where that costs nobody time."""

import asyncio
from collections.abc import Iterator, Sequence

from ardiq_django.brokers.redis.client import Client
from ardiq_django.brokers.redis.records import ACCEPTANCES, letters, place_of
from ardiq_django.brokers.redis.scripts import Keyspace, Script, Value, script
from ardiq_django.wire import Acceptance, StagedJob, pack

MOST_JOBS = 1_000
MOST_BYTES = 4_000_000  # a script blocks everybody while it runs
OVERHEAD_BYTES = 250  # of a job beyond its call


class Chunk:
    """Jobs of one call. They are packed when their turn comes: while the server works on the chunk before."""

    script: Script

    def __init__(self, keys: Keyspace, jobs: list[StagedJob], skew_ms: int = 0) -> None:
        self.script = script("enqueue")
        self.jobs = jobs
        self._keys = keys
        self._skew_ms = skew_ms

    def packed(self) -> bytes:
        jobs, keys = self.jobs, self._keys
        ids = [job.id for job in jobs]
        places = [place_of(job) for job in jobs]
        lanes = {job.lane for job in jobs}
        repeats = len(set(ids)) < len(ids)
        if len(set(places)) == 1:
            del places[1:]
        names = [*keys.lanes(lanes), *keys.tombs(lanes), *keys.records(ids)]
        head: tuple[Value, ...] = (len(ids), len(lanes), int(repeats), len(places))
        return keys.call("enqueue", names, (*head, *ids, *map(pack, jobs), *places), self._skew_ms).packed()

    def answers(self, reply: bytes) -> list[Acceptance]:
        return letters(reply, len(self.jobs), ACCEPTANCES, "c")


class _Batch(Chunk):
    """A chunk that takes in more until it is sent."""

    is_open = True
    sending: "asyncio.Task[list[Acceptance]]"

    def packed(self) -> bytes:
        self.is_open = False
        return super().packed()

    def has_room_for(self, jobs: Sequence[StagedJob]) -> bool:
        return self.is_open and next(split([*self.jobs, *jobs])) == len(self.jobs) + len(jobs)


class Intake:
    """Stores jobs, and says of each what became of it."""

    def __init__(self, client: Client, keys: Keyspace) -> None:
        self._client = client
        self._keys = keys
        self._batch: _Batch | None = None

    async def store(self, jobs: Sequence[StagedJob], skew_ms: int) -> list[Acceptance]:
        """At once, if nothing is under way; else with whatever else comes until that is over."""
        chunks = [Chunk(self._keys, part, skew_ms) for part in _parts(jobs)]
        if len(chunks) > 1:
            replies = await self._client.ask(*chunks)
            return [answer for chunk, reply in zip(chunks, replies, strict=True) for answer in chunk.answers(reply)]
        if self._client.is_hot_busy:
            return await self._join(jobs, skew_ms)
        return [answer for chunk in chunks for answer in chunk.answers(await self._client.hot(chunk))]

    async def _join(self, jobs: Sequence[StagedJob], skew_ms: int) -> list[Acceptance]:
        batch = self._batch
        if batch is None or not batch.has_room_for(jobs):
            batch = self._batch = _Batch(self._keys, [], skew_ms)
            batch.sending = asyncio.create_task(self._send(batch))
        first = len(batch.jobs)
        batch.jobs += jobs
        # one who gives up must not take the others' jobs along
        answers = await asyncio.shield(batch.sending)
        return answers[first : first + len(jobs)]

    async def _send(self, batch: _Batch) -> list[Acceptance]:
        return batch.answers(await self._client.hot(batch))


def _parts(jobs: Sequence[StagedJob]) -> Iterator[list[StagedJob]]:
    first = 0
    for number in split(jobs):
        yield list(jobs[first : first + number])
        first += number


def split(jobs: Sequence[StagedJob]) -> Iterator[int]:
    """How many jobs, from the first on, make up each call."""
    number = size = 0
    for job in jobs:
        cost = len(job.call) + OVERHEAD_BYTES
        if number and (number == MOST_JOBS or size + cost > MOST_BYTES):
            yield number
            number = size = 0
        number += 1
        size += cost
    if number:
        yield number
