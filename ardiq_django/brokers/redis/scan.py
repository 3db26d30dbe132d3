"""Looking through the newest jobs of a state, or the oldest, for those of a query. Few match, so the bytes are asked
before they are read."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from ardiq_django.brokers.redis.records import Indexed, head_of, ms_of, text_of
from ardiq_django.brokers.redis.scripts import Command, Keyspace
from ardiq_django.snapshot import SCANNED, Query, Snapshot
from ardiq_django.stored import heading, waiting_since_ms

STEP = 500  # jobs in one call

Ask = Callable[..., Awaitable[list[Any]]]
Named = tuple[bytes, bytes]  # the bytes in which a job's names stand, and what else tells of it


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One job of a list, before it is read in full."""

    job_id: str
    task: str
    shown_ms: int

    @classmethod
    def of(cls, row: Snapshot) -> "Entry":
        """One that runs."""
        return cls(row.job.id, row.job.task, row.start_ms)

    def matches(self, query: Query) -> bool:
        return (
            (not query.task or self.task == query.task)
            and (not query.text or query.text.lower() in f"{self.job_id}\n{self.task}".lower())
            and query.since_ms <= self.shown_ms
            and (not query.until_ms or self.shown_ms < query.until_ms)
        )


@dataclass(frozen=True, slots=True)
class Found:
    """What was found of one state: the first that match, how many do, and how many were looked at."""

    entries: Sequence[Entry]
    total: int
    looked: int

    @classmethod
    def among(cls, entries: Iterable[Entry], query: Query, looked: int) -> "Found":
        """Those of these that match."""
        matching = [entry for entry in entries if entry.matches(query)]
        return cls(matching, len(matching), looked)


class Sieve:
    """Tells of bytes in which names stand whether these may be those that a query asks for."""

    def __init__(self, query: Query) -> None:
        text = query.text.lower()
        self._task = query.task.encode("utf-8", "surrogateescape")
        self._text = text.encode() if text.isascii() and text.isprintable() else b""

    def passes(self, data: bytes, job_id: bytes = b"") -> bool:
        """Whether they may match; what cannot be read is found by its id."""
        text = self._text
        return self._task in data and (not text or text in data.lower() or text in job_id.lower())

    def passing(self, jobs: Sequence[Named]) -> Sequence[Named]:
        """Those that may match. The bytes of many are looked through at once, for mostly none does."""
        parts = [jobs[first : first + STEP] for first in range(0, len(jobs), STEP)]
        met = [part for part in parts if self.passes(b"\n".join(chain.from_iterable(part)))]
        return [(data, job_id) for part in met for data, job_id in part if self.passes(data, job_id)]


class Scan:
    """For one query; at most `wanted` entries are read where all match."""

    def __init__(self, keys: Keyspace, ask: Ask, query: Query, wanted: int) -> None:
        self._keys = keys
        self._ask = ask
        self._query = query
        self._wanted = min(SCANNED, wanted)
        self._has_names = bool(query.task or query.text)
        self._sieve = Sieve(query)

    async def ended(self, name: str) -> Found:
        """Of an index of ended jobs."""
        if not self._has_names:
            number, pairs = await self._first(name)
            return Found([_ended(member, score) for member, score in pairs], number, number)
        pairs = await self._range(name, SCANNED)
        head = head_of(self._query.task) if self._query.task else b""
        met = [pair for pair in pairs if pair[0].startswith(head)] if head else self._sieve.passing(pairs)
        return Found.among([_ended(*pair) for pair in met], self._query, len(pairs))

    async def due(self, name: str) -> Found:
        """Of an index of jobs that wait for a time."""
        number, pairs = (0, await self._range(name, SCANNED)) if self._has_names else await self._first(name)
        times = {job_id: ms_of(score) for job_id, score in pairs}
        entries = await self._entries(list(times), times)
        return Found.among(entries, self._query, len(pairs)) if self._has_names else Found(entries, number, number)

    async def queued(self, places: Sequence[tuple[str, str]]) -> list[Found]:
        """Of the lanes with their tombs, and of the suspects, who have none: of each that has any as many."""
        lengths = await self._ask(*(Command((b"LLEN", lane)) for lane, _ in places))
        full = [place for place, length in zip(places, lengths, strict=True) if length]
        depth = -(-SCANNED // max(1, len(full))) if self._query.is_narrowed else self._wanted
        return [await self._of_lane(*place, depth) for place in full]

    async def _of_lane(self, lane: str, tombs: str, depth: int) -> Found:
        # ids of jobs that were taken out of the lane still stand there
        (gone,) = await self._ask(Command((b"SCARD", tombs))) if tombs else (0,)
        end = (0, depth + gone - 1) if self._query.oldest_first else (-depth - gone, -1)
        (range_,) = await self._ask(Command((b"LRANGE", lane, *end))) if depth else ([],)
        ids = range_ if self._query.oldest_first else range_[::-1]
        if gone and ids:
            (dead,) = await self._ask(Command((b"SMISMEMBER", tombs, *ids)))
            ids = [job_id for job_id, is_dead in zip(ids, dead, strict=True) if not is_dead]
        ids = ids[:depth]
        return Found.among(await self._entries(ids), self._query, len(ids))

    async def _first(self, name: str) -> tuple[int, list[tuple[bytes, bytes]]]:
        """How many there are between the times asked for, and the first of them."""
        (number,) = await self._ask(Command((b"ZCOUNT", self._keys[name], *self._times())))
        return min(SCANNED, number), await self._range(name, self._wanted) if number and self._wanted else []

    async def _range(self, name: str, depth: int) -> list[tuple[bytes, bytes]]:
        limits = (b"WITHSCORES", b"LIMIT", 0, depth)
        times = self._times()
        newest_first = (b"ZREVRANGEBYSCORE", self._keys[name], *reversed(times), *limits)
        oldest_first = (b"ZRANGEBYSCORE", self._keys[name], *times, *limits)
        (flat,) = await self._ask(Command(oldest_first if self._query.oldest_first else newest_first))
        return list(zip(flat[::2], flat[1::2], strict=True))

    def _times(self) -> tuple[str | int, str | int]:
        query = self._query
        return query.since_ms or "-inf", f"({query.until_ms}" if query.until_ms else "+inf"

    async def _entries(self, ids: Sequence[bytes], times: dict[bytes, int] | None = None) -> list[Entry]:
        """Those that the sieve lets pass; `times` by which they are listed, if not by that at which they came."""
        parts = [ids[first : first + STEP] for first in range(0, len(ids), STEP)]
        replies = await self._ask(*(Command((b"HMGET", self._keys["jobs"], *part)) for part in parts)) if parts else []
        envelopes: Iterable[bytes | None] = chain.from_iterable(replies)
        known = [(envelope, job_id) for envelope, job_id in zip(envelopes, ids, strict=True) if envelope is not None]
        passed = self._sieve.passing(known) if self._has_names else known
        jobs = [heading(text_of(job_id), envelope) for envelope, job_id in passed]
        shown = [times[job_id] for _, job_id in passed] if times else [waiting_since_ms(job) for job in jobs]
        return [Entry(job.id, job.task, shown_ms) for job, shown_ms in zip(jobs, shown, strict=True)]


def _ended(member: bytes, score: bytes) -> Entry:
    record = Indexed.read(member, score)
    return Entry(record.job_id, record.task, record.finish_ms)
