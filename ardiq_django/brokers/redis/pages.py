"""The lists of jobs that the admin shows: which ids stand in a state, newest first, inside a window."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ardiq_django.brokers.base import AHEAD_MOST, RUNS_SCANNED
from ardiq_django.brokers.redis.records import Indexed, decoded, head_of, ms_of, paired_ids, text_of
from ardiq_django.brokers.redis.scripts import Command, Keyspace, Value
from ardiq_django.brokers.redis.snapshots import snapshots_of, waiting_since_ms
from ardiq_django.results import ENDED, State
from ardiq_django.snapshot import ENDED_BY_ATTEMPTS, Page, Query, Ran, Snapshot
from ardiq_django.stored import deliver
from ardiq_django.wire import StagedJob

WINDOW = 10_000  # newest of each state
STEP = 500  # jobs in one call
COUNTED = (
    State.RUNNING, State.SCHEDULED, State.RETRYING,
    State.SUCCEEDED, State.FAILED, State.ABORTED, State.EXPIRED,
)  # fmt: skip

Ask = Callable[..., Awaitable[list[Any]]]
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


@dataclass(frozen=True, slots=True)
class _Entry:
    """One job of a list, before it is read in full."""

    job_id: str
    task: str
    shown_ms: int

    def matches(self, query: Query) -> bool:
        name = f"{self.job_id}\n{self.task}".lower()
        return (
            (not query.task or self.task == query.task)
            and query.text.lower() in name
            and query.since_ms <= self.shown_ms
            and (not query.until_ms or self.shown_ms < query.until_ms)
        )


class Pages:
    """Reads lists of one queue. Each list is one moment's, the whole page is not."""

    def __init__(self, keys: Keyspace, ask: Ask, call: Call) -> None:
        self._keys = keys
        self._ask = ask
        self._call = call

    async def counts(self) -> Counts:
        lanes = self._keys.rules.lanes
        return Counts.read(await self._call("counts", [*self._keys.lanes(lanes), *self._keys.tombs(lanes)], ()))

    async def lanes(self) -> list[str]:
        """The lanes in which jobs may stand: those configured, and where they do not hold all, those jobs name."""
        lanes = list(self._keys.rules.lanes)
        if (await self.counts()).unlisted > 0:
            ((_, pairs),) = await self._ask(Command((b"HSCAN", self._keys["jobs"], 0, b"COUNT", WINDOW)))
            named = {deliver(job_id, envelope, 0).job.lane for job_id, envelope in paired_ids(pairs)}
            lanes += sorted(named - {*lanes, ""})
        return lanes

    async def page(self, query: Query) -> Page:
        counts = await self.counts()
        is_filtered = bool(query.task or query.text or query.since_ms or query.until_ms)
        depth = WINDOW if is_filtered else min(WINDOW, query.offset + query.limit)
        entries: dict[str, _Entry] = {}
        total, capped = 0, False
        for state in [
            state for state in State if state in query.states
        ]:  # of the same millisecond, the unfinished first
            found = await self._listed(state, depth, query)
            # of what times bound there may be less than a window, however many there are
            capped = capped or (counts.by_state[state] > WINDOW and (not is_filtered or len(found) >= WINDOW))
            matching = [entry for entry in found if entry.matches(query)]
            total += len(matching) if is_filtered else min(WINDOW, counts.by_state[state])
            entries.update({entry.job_id: entry for entry in matching})
        newest = sorted(entries.values(), key=lambda entry: entry.shown_ms, reverse=True)
        shown = [entry.job_id for entry in newest[query.offset : query.offset + query.limit]]
        return Page(await self.snapshots(shown), total, capped)

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
        newest = [self._range(f"ended:{state}", RUNS_SCANNED, Query()) for state in ENDED_BY_ATTEMPTS]
        pairs = [pair for flat in await self._ask(*newest) for pair in zip(flat[::2], flat[1::2], strict=True)]
        head = head_of(task)  # most are of other tasks, and need not be read to tell
        found = [Indexed.read(member, score) for member, score in pairs if member.startswith(head)]
        found.sort(key=lambda one: one.finish_ms, reverse=True)
        rows = await self.snapshots([one.job_id for one in found[:limit]])
        return [run for one in rows if (run := one.ran)]

    async def _listed(self, state: State, depth: int, query: Query) -> list[_Entry]:
        if state in ENDED:
            range_ = await self._newest(f"ended:{state}", depth, query)
            records = [Indexed.read(member, score) for member, score in range_]
            return [_Entry(record.job_id, record.task, record.finish_ms) for record in records]
        if state is State.RUNNING:
            (ids,) = await self._ask(Command((b"HKEYS", self._keys["running"])))
            running = await self.snapshots(decoded(ids[:WINDOW]))
            return [_Entry(row.job.id, row.job.task, row.start_ms) for row in running]
        if state is State.QUEUED:
            lanes = await self.lanes()
            places = list(zip(self._keys.lanes(lanes), self._keys.tombs(lanes), strict=True))
            places.append((self._keys["suspects"], ""))
            return [entry for key, tombs in places for entry in await self._queued(key, tombs, depth)]
        range_ = await self._newest("due" if state is State.SCHEDULED else "retry", depth, query)
        times = {text_of(job_id): ms_of(score) for job_id, score in range_}
        entries = await self._entries([job_id for job_id, _ in range_])
        return [_Entry(entry.job_id, entry.task, times[entry.job_id]) for entry in entries]

    async def _newest(self, name: str, depth: int, query: Query) -> list[tuple[bytes, bytes]]:
        (flat,) = await self._ask(self._range(name, depth, query))
        return list(zip(flat[::2], flat[1::2], strict=True))

    def _range(self, name: str, depth: int, query: Query) -> Command:
        until = f"({query.until_ms}" if query.until_ms else "+inf"
        bounds = (until, query.since_ms or "-inf")
        return Command((b"ZREVRANGEBYSCORE", self._keys[name], *bounds, b"WITHSCORES", b"LIMIT", 0, depth))

    async def _queued(self, key: str, tombs: str, depth: int) -> list[_Entry]:
        # ids of jobs that were taken out of the lane still stand there
        (gone,) = await self._ask(Command((b"SCARD", tombs))) if tombs else (0,)
        (range_,) = await self._ask(Command((b"LRANGE", key, -depth - gone, -1)))
        ids = range_[::-1]
        if gone and ids:
            (dead,) = await self._ask(Command((b"SMISMEMBER", tombs, *ids)))
            ids = [job_id for job_id, is_dead in zip(ids, dead, strict=True) if not is_dead]
        return await self._entries(ids[:depth])

    async def _entries(self, ids: Sequence[bytes]) -> list[_Entry]:
        entries: list[_Entry] = []
        for first in range(0, len(ids), STEP):
            part = ids[first : first + STEP]
            (envelopes,) = await self._ask(Command((b"HMGET", self._keys["jobs"], *part)))
            entries += _read(zip(decoded(part), envelopes, strict=True))
        return entries


def _read(pairs: Iterable[tuple[str, bytes | None]]) -> list[_Entry]:
    jobs = [(job_id, deliver(job_id, envelope, 0).job) for job_id, envelope in pairs if envelope is not None]
    return [_Entry(job_id, job.task, waiting_since_ms(job)) for job_id, job in jobs]
