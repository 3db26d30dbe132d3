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

    def __init__(self, keys: Keyspace, jobs: Sequence[StagedJob], skew_ms: int = 0) -> None:
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
        head: tuple[Value, ...] = (len(ids), len(lanes), int(repeats), len(places), keys.rules.max_queue, self.groups)
        return keys.call("enqueue", names, (*head, *ids, *map(pack, jobs), *places), self._skew_ms).packed()

    @property
    def groups(self) -> str:
        """How many of the jobs came together, one number after the other."""
        return str(len(self.jobs))

    def answers(self, reply: bytes) -> list[Acceptance]:
        return letters(reply, len(self.jobs), ACCEPTANCES, "c")


class _Batch(Chunk):
    """A chunk that takes in more until it is sent."""

    sending: "asyncio.Task[list[Acceptance]]"

    def __init__(self, keys: Keyspace, skew_ms: int) -> None:
        self._taken: list[StagedJob] = []
        super().__init__(keys, self._taken, skew_ms)
        self._is_open = True
        self._bytes = 0
        self._sizes: list[int] = []

    @property
    def groups(self) -> str:
        return " ".join(map(str, self._sizes))

    def packed(self) -> bytes:
        self._is_open = False
        return super().packed()

    def take_in(self, jobs: Sequence[StagedJob]) -> int | None:
        """The place of the first of them; None if there is no room."""
        first, size = len(self._taken), self._bytes + sum(map(cost_bytes, jobs))
        if not self._is_open or first + len(jobs) > MOST_JOBS or (first and size > MOST_BYTES):
            return None
        self._taken += jobs
        self._bytes = size
        self._sizes.append(len(jobs))
        return first


class Intake:
    """Stores jobs, and says of each what became of it."""

    def __init__(self, client: Client, keys: Keyspace) -> None:
        self._client = client
        self._keys = keys
        self._batch: _Batch | None = None

    async def store(self, jobs: Sequence[StagedJob], skew_ms: int) -> list[Acceptance]:
        """At once, if nothing is under way; else with whatever else comes until that is over."""
        parts = list(split(jobs))
        if not parts:
            return []
        if len(parts) == 1 and self._client.is_hot_busy:
            return await self._join(jobs, skew_ms)
        chunks = [Chunk(self._keys, part, skew_ms) for part in parts]
        replies = [await self._client.hot(chunks[0])] if len(chunks) == 1 else await self._client.ask(*chunks)
        return [answer for chunk, reply in zip(chunks, replies, strict=True) for answer in chunk.answers(reply)]

    async def _join(self, jobs: Sequence[StagedJob], skew_ms: int) -> list[Acceptance]:
        batch = self._batch
        first = batch.take_in(jobs) if batch else None
        if batch is None or first is None:
            batch = self._batch = _Batch(self._keys, skew_ms)
            first = batch.take_in(jobs) or 0
            batch.sending = asyncio.create_task(self._send(batch))
        # one who gives up must not take the others' jobs along
        answers = await asyncio.shield(batch.sending)
        return answers[first : first + len(jobs)]

    async def _send(self, batch: _Batch) -> list[Acceptance]:
        return batch.answers(await self._client.hot(batch))


def split(jobs: Sequence[StagedJob]) -> Iterator[Sequence[StagedJob]]:
    """The jobs of each call."""
    for first in range(0, len(jobs), MOST_JOBS):
        part = jobs[first : first + MOST_JOBS]
        if sum([len(job.call) for job in part]) + len(part) * OVERHEAD_BYTES <= MOST_BYTES:
            yield part
        else:
            yield from _split_large(part)


def _split_large(jobs: Sequence[StagedJob]) -> Iterator[list[StagedJob]]:
    part: list[StagedJob] = []
    size = 0
    for job in jobs:
        cost = cost_bytes(job)
        if part and size + cost > MOST_BYTES:
            yield part
            part, size = [], 0
        part.append(job)
        size += cost
    yield part


def cost_bytes(job: StagedJob) -> int:
    return len(job.call) + OVERHEAD_BYTES
