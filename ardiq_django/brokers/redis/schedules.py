"""The schedules a Redis keeps: each verb is a script, and here is what it is asked and what its answer means."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any, TypeVar

from ardiq_django.brokers.redis.records import ANSWERS, guarded, letters, ms_of, place_of, text_of
from ardiq_django.brokers.redis.scripts import Command, Keyspace, Value
from ardiq_django.brokers.schedules import Schedules
from ardiq_django.plan import Planned, PlanPage, Standing, pack_plan, planned
from ardiq_django.snapshot import SCANNED
from ardiq_django.wire import Answer, Firing, pack

T = TypeVar("T")
AT_ONCE = 500  # in one call

Ask = Callable[..., Awaitable[list[Any]]]
Call = Callable[[str, Sequence[str], Sequence[Value]], Awaitable[Any]]


class RedisSchedules(Schedules):
    """A hash of plans, and a sorted set of the times at which they fire next."""

    def __init__(self, keys: Keyspace, ask: Ask, call: Call) -> None:
        self._keys = keys
        self._own = [keys["plans"], keys["plans:next"]]
        self._declared = [keys["cron"], keys["staged"], keys["cron:off"]]
        self._ask = ask
        self._call = call

    async def plan(self, rows: Sequence[Planned]) -> list[bool]:
        created: list[bool] = []
        for part in _parts(rows):
            reply = await self._call("plan", self._own, [value for row in part for value in _told(row)])
            created += [letter == "c" for letter in reply.decode()]
        return created

    async def unplan(self, ids: Sequence[str]) -> list[Answer]:
        answers: list[Answer] = []
        for part in _parts(ids):
            answers += letters(await self._call("unplan", self._own, part), len(part), ANSWERS, "d")
        return answers

    async def replan(self, schedule_id: str, mark_ms: int, next_ms: int) -> Answer:
        letter = await self._call("replan", self._own, (schedule_id, mark_ms, next_ms))
        return ANSWERS[letter.decode()]

    async def get(self, schedule_id: str) -> Planned | None:
        plans, order = self._own
        text, score = await self._ask(Command((b"HGET", plans, schedule_id)), Command((b"ZSCORE", order, schedule_id)))
        found = _read(text, score or b"inf") if text else ()
        return found[0] if found else None

    async def page(self, offset: int = 0, limit: int = 100, text: str = "") -> PlanPage:
        if not text:
            total, found = await self._some(offset, limit)
            return PlanPage(found, total)
        matching: list[Planned] = []
        for first in range(0, SCANNED, AT_ONCE):
            total, found = await self._some(first, AT_ONCE)
            matching += [row for row in found if row.matches(text)]
            if first + AT_ONCE >= total:
                break
        return PlanPage(matching[offset : offset + limit], len(matching))

    async def _some(self, offset: int, limit: int) -> tuple[int, list[Planned]]:
        total, flat = await self._call("planned", self._own, (offset, limit))
        return total, _rows(flat)

    async def due(self, limit: int) -> list[Planned]:
        return _rows(await self._call("planned_due", self._own, (limit,)))

    async def fire(self, firings: Sequence[Firing]) -> list[bool]:
        fired: list[bool] = []
        for part in _parts(firings):
            jobs = [job for firing in part for job in firing.jobs]
            keys = self._keys.around([job.id for job in jobs], [job.lane for job in jobs])
            reply = await self._call("fire", [*self._own, *keys], [value for one in part for value in _fired(one)])
            fired += [letter == "d" for letter in reply.decode()]
        return fired

    async def standings(self, names: Sequence[str]) -> dict[str, Standing]:
        found: dict[str, Standing] = {}
        marks, staged, off = self._declared
        for part in _parts(names):
            told = await self._ask(
                Command((b"HMGET", marks, *part)),
                Command((b"HMGET", staged, *part)),
                Command((b"SMISMEMBER", off, *part)),
            )
            found |= {name: _standing(*values) for name, *values in zip(part, *told, strict=True)}
        return found

    async def switch(self, name: str, *, on: bool) -> None:
        await self._call("switch", self._declared[2:], (name, int(on)))


def _standing(mark: bytes | None, staged: bytes | None, is_off: int) -> Standing:
    return Standing(guarded(ms_of, mark) or 0 if mark else 0, text_of(staged or b""), not is_off)


def _told(row: Planned) -> tuple[Value, ...]:
    plan = row.plan
    return (plan.id, row.mark_ms, row.next_ms, plan.token, plan.timing, pack_plan(plan))


def _fired(firing: Firing) -> list[Value]:
    head: list[Value] = [firing.schedule, firing.token, firing.mark_ms, firing.upto_ms, firing.next_ms, firing.fired_ms]
    jobs = [value for job in firing.jobs for value in (job.id, pack(job), place_of(job))]
    return [*head, firing.unless, len(firing.jobs), *jobs]


def _rows(flat: Sequence[bytes]) -> list[Planned]:
    return [row for text, score in zip(flat[::2], flat[1::2], strict=True) for row in _read(text, score)]


def _read(text: bytes, score: bytes) -> Sequence[Planned]:
    """One row, or none where somebody spoilt it."""
    head, _, packed = text.partition(b"|")
    times = guarded(_times, head)
    return planned(packed, times[0], ms_of(score), times[1]) if times else ()


def _times(head: bytes) -> tuple[int, ...]:
    return tuple(map(int, head.split(b" ")[:2]))


def _parts(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for first in range(0, len(items), AT_ONCE):
        yield items[first : first + AT_ONCE]
