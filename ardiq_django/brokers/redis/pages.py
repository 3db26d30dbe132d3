"""The lists of jobs that the admin shows: which ids stand in a state, by time, inside a window."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ardiq_django.brokers.redis.records import Indexed, decoded, head_of, paired_ids
from ardiq_django.brokers.redis.scan import STEP, Ask, Entry, Found, Scan
from ardiq_django.brokers.redis.scripts import Command, Keyspace, Value
from ardiq_django.brokers.redis.snapshots import snapshots_of
from ardiq_django.results import ENDED, State
from ardiq_django.snapshot import (
    AHEAD_MOST,
    ENDED_BY_ATTEMPTS,
    RUNS_SCANNED,
    SCANNED,
    Page,
    Query,
    Ran,
    Snapshot,
    Totals,
    Vitals,
)
from ardiq_django.stored import deliver, heading, waiting_since_ms
from ardiq_django.wire import StagedJob

COUNTED = (
    State.RUNNING, State.SCHEDULED, State.RETRYING,
    State.SUCCEEDED, State.FAILED, State.ABORTED, State.EXPIRED,
)  # fmt: skip

Call = Callable[[str, Sequence[str], Sequence[Value]], Awaitable[Any]]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are in each state; `unlisted` are queued in lanes that this process does not know."""

    by_state: dict[State, int]
    unlisted: int

    @classmethod
    def read(cls, reply: Sequence[int]) -> "Counts":
        unfinished, *counted, listed = reply
        by_state = dict(zip(COUNTED, counted, strict=True))
        queued = max(0, unfinished - sum(by_state[state] for state in COUNTED[:3]))
        return cls({state: queued if state is State.QUEUED else by_state[state] for state in State}, queued - listed)


class Pages:
    """Reads lists of one queue. Each list is one moment's, the whole page is not."""

    def __init__(self, keys: Keyspace, ask: Ask, call: Call) -> None:
        self._keys = keys
        self._ask = ask
        self._call = call

    async def counts(self) -> Counts:
        lanes = self._keys.rules.lanes
        return Counts.read(await self._call("counts", [*self._keys.lanes(lanes), *self._keys.tombs(lanes)], ()))

    async def vitals(self) -> Vitals:
        """How the queue stands. What waits in lanes that nobody configured is counted, and not looked at."""
        lanes = self._keys.rules.lanes
        reply = await self._call("vitals", [*self._keys.lanes(lanes), *self._keys.tombs(lanes)], ())
        now, is_paused, counts, oldest, held = reply
        queued = [waiting_since_ms(heading(job_id, envelope)) for job_id, envelope in paired_ids(oldest)]
        waits_ms = max(0, int(now) - min(queued)) if queued else None
        numbers = dict(zip(decoded(held[::2]), held[1::2], strict=True))
        return Vitals(Counts.read(counts).by_state, bool(is_paused), waits_ms, numbers)

    async def lanes(self) -> list[str]:
        """The lanes in which jobs may stand: those configured, and where they do not hold all, those jobs name."""
        return await self._lanes(await self.counts())

    async def _lanes(self, counts: Counts) -> list[str]:
        lanes = list(self._keys.rules.lanes)
        if counts.unlisted > 0:
            ((_, pairs),) = await self._ask(Command((b"HSCAN", self._keys["jobs"], 0, b"COUNT", SCANNED)))
            named = {deliver(job_id, envelope, 0).job.lane for job_id, envelope in paired_ids(pairs)}
            lanes += sorted(named - {*lanes, ""})
        return lanes

    async def count(self, query: Query) -> Totals:
        """How many jobs of a query are in each of its states."""
        counts = await self.counts()
        if not query.is_narrowed:
            return Totals({state: counts.by_state[state] for state in query.states})
        scan = Scan(self._keys, self._ask, query, 0)
        found = {state: await self._found(state, scan, query, counts) for state in query.states}
        capped = [state for state, one in found.items() if _is_capped(counts.by_state[state], one, query)]
        return Totals({state: one.total for state, one in found.items()}, capped)

    async def page(self, query: Query) -> Page:
        counts = await self.counts()
        scan = Scan(self._keys, self._ask, query, query.offset + query.limit)
        # of the same millisecond, the unfinished first
        states = [state for state in State if state in query.states]
        found = {state: await self._found(state, scan, query, counts) for state in states}
        entries = {entry.job_id: entry for one in found.values() for entry in one.entries}
        in_order = sorted(entries.values(), key=lambda entry: entry.shown_ms, reverse=not query.oldest_first)
        shown = [entry.job_id for entry in in_order[query.offset : query.offset + query.limit]]
        capped = any(_is_capped(counts.by_state[state], one, query) for state, one in found.items())
        totals = {state: one.total for state, one in found.items()}
        return Page(await self.snapshots(shown), sum(totals.values()), capped, totals)

    async def _found(self, state: State, scan: Scan, query: Query, counts: Counts) -> Found:
        number = counts.by_state[state]
        if not number:
            return Found((), 0, 0)
        if state in ENDED:
            return await scan.ended(f"ended:{state}")
        if state is State.RUNNING:
            (ids,) = await self._ask(Command((b"HKEYS", self._keys["running"])))
            return Found.among(map(Entry.of, await self.snapshots(decoded(ids[:SCANNED]))), query, len(ids))
        if state is not State.QUEUED:
            return await scan.due("due" if state is State.SCHEDULED else "retry")
        lanes = await self._lanes(counts)
        places = zip(self._keys.lanes(lanes), self._keys.tombs(lanes), strict=True)
        parts = await scan.queued([*places, (self._keys["suspects"], "")])
        entries, looked = [entry for part in parts for entry in part.entries], sum(part.looked for part in parts)
        return Found(entries, len(entries) if query.is_narrowed else min(SCANNED, number), looked)

    async def snapshots(self, ids: Sequence[str], watch_ms: int = 0) -> list[Snapshot]:
        """Of each id that is known, everything."""
        found: list[Snapshot] = []
        for first in range(0, len(ids), STEP):
            part = ids[first : first + STEP]
            reply = await self._call("rows", self._keys.records(part), (watch_ms, *part))
            found += snapshots_of(reply, part)
        return found

    async def ahead(self, job: StagedJob) -> int | None:
        """How many jobs stand before a queued one in its lane, if it is found among the first."""
        ((lane,), (tombs,)) = self._keys.lanes([job.lane]), self._keys.tombs([job.lane])
        (ids,) = await self._ask(Command((b"LRANGE", lane, 0, AHEAD_MOST)))
        if job.id not in (found := decoded(ids)):
            return None
        before = ids[: found.index(job.id)]
        (gone,) = await self._ask(Command((b"SMISMEMBER", tombs, *before))) if before else ([],)
        return len(before) - int(sum(gone))

    async def last_runs(self, task: str, limit: int) -> list[Ran]:
        """The last jobs of a task that an attempt ended, newest first."""
        limits = (b"+inf", b"-inf", b"WITHSCORES", b"LIMIT", 0, RUNS_SCANNED)
        indexes = [self._keys[f"ended:{state}"] for state in ENDED_BY_ATTEMPTS]
        newest = [Command((b"ZREVRANGEBYSCORE", index, *limits)) for index in indexes]
        pairs = [pair for flat in await self._ask(*newest) for pair in zip(flat[::2], flat[1::2], strict=True)]
        head = head_of(task)  # most are of other tasks, and need not be read to tell
        found = [Indexed.read(member, score) for member, score in pairs if member.startswith(head)]
        found.sort(key=lambda one: one.finish_ms, reverse=True)
        rows = await self.snapshots([one.job_id for one in found[:limit]])
        return [run for one in rows if (run := one.ran)]


def _is_capped(number: int, found: Found, query: Query) -> bool:
    # of what times bound there may be less than a window, however many there are
    return number > SCANNED and (not query.is_narrowed or found.looked >= SCANNED)
