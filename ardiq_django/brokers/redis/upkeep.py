"""Periodic duties on one queue: taking back what dead workers held, and removing what is over. In bounded steps."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

from ardiq_django.brokers.redis.records import Indexed, decoded, guarded, text_of
from ardiq_django.brokers.redis.scripts import Command, Keyspace, Value
from ardiq_django.brokers.redis.snapshots import called_ms_of, card_of, news_of
from ardiq_django.results import ENDED, State

TAKEN_BACK = 200  # jobs in one call
STEP = 500  # ended jobs in one call
STEPS = 200  # of each kind in one sweep

Ask = Callable[..., Awaitable[list[Any]]]
Call = Callable[[str, Sequence[str], Sequence[Value]], Awaitable[Any]]


class Reaper:
    """Takes jobs back from epochs that are over. One that dies half-way is continued by the next."""

    def __init__(self, keys: Keyspace, ask: Ask, call: Call) -> None:
        self._keys = keys
        self._ask = ask
        self._call = call

    async def reap(self, dead: Collection[str]) -> int:
        """Take back what these hold, or if none are named, all whose lease is over; returns how many jobs that were."""
        if dead:
            return await self._end("dead", [epoch.encode() for epoch in dead])
        (epochs,) = await self._ask(Command((b"ZRANGE", self._keys["workers"], 0, -1)))
        return await self._end("lost", epochs)

    async def leave(self, epoch: str) -> None:
        await self._end("left", [epoch.encode()])

    async def _end(self, how: str, epochs: Sequence[bytes]) -> int:
        dead: list[bytes] = await self._call("fence", (), (how, *epochs))
        ways = {text_of(epoch): way for epoch, way in zip(dead[::2], dead[1::2], strict=True)}
        held = await self._held(ways) if ways else {}
        taken = 0
        for epoch, way in ways.items():
            # in the order of the claims
            entries = sorted(held.get(epoch, []), key=lambda entry: entry[0])
            taken += await self._take_back(epoch, way, [job_id for _, job_id in entries])
            await self._call("forget", [self._keys["reported"], self._keys[f"mail:{epoch}"]], (epoch,))
        return taken

    async def _held(self, epochs: dict[str, bytes]) -> dict[str, list[tuple[int, str]]]:
        held: dict[str, list[tuple[int, str]]] = {}
        cursor = b"0"
        while True:
            ((cursor, flat),) = await self._ask(
                Command((b"HSCAN", self._keys["running"], cursor, b"COUNT", STEP)),
            )
            for job_id, fence in zip(flat[::2], flat[1::2], strict=True):
                epoch, _, claim = fence.rpartition(b".")
                if text_of(epoch) in epochs:
                    held.setdefault(text_of(epoch), []).append((guarded(int, claim) or 0, text_of(job_id)))
            if cursor == b"0":
                return held

    async def _take_back(self, epoch: str, how: bytes, ids: Sequence[str]) -> int:
        if not ids:
            return 0
        asked = [Command((b"HGET", self._keys[name], epoch)) for name in ("cards", "news", "calls")]
        card, news, turn = await self._ask(*asked)
        worker_id = card_of(b"", card).worker_id
        starts, called_ms = news_of(news).starts, called_ms_of(turn)
        taken = 0
        # the last part first, so that the first job ends up at the head
        for first in reversed(range(0, len(ids), TAKEN_BACK)):
            part = ids[first : first + TAKEN_BACK]
            rows = [value for job_id in part for value in (job_id, starts.get(job_id, called_ms))]
            taken += await self._call("take_back", self._keys.around(part), (epoch, how, worker_id, *rows))
        return taken


class Sweeper:
    """Ends waiting jobs whose window is over, and removes records beyond their time or number."""

    def __init__(self, keys: Keyspace, ask: Ask, call: Call) -> None:
        self._keys = keys
        self._ask = ask
        self._call = call

    async def sweep(self, now_ms: int) -> None:
        await self._expire(now_ms)
        for state in ENDED:
            await self._prune_by_age(state, now_ms)
            await self._prune_by_number(state, now_ms)
        await self._ask(Command((b"ZREMRANGEBYSCORE", self._keys["waiting"], b"-inf", now_ms)))

    async def _expire(self, now_ms: int) -> None:
        for _ in range(STEPS):
            over = (self._keys["expiry"], b"-inf", now_ms, b"LIMIT", 0, STEP)
            (ids,) = await self._ask(Command((b"ZRANGEBYSCORE", *over)))
            if not ids:
                return
            await self.expire(decoded(ids))

    async def expire(self, ids: Sequence[str]) -> None:
        """End those of these jobs whose window is over."""
        await self._call("expire", self._keys.around(ids), ids)

    async def _prune_by_age(self, state: State, now_ms: int) -> None:
        kept_ms, outlasting = self._keys.rules.kept_ms(state), 0
        for _ in range(STEPS):
            old = (self._keys[f"ended:{state}"], b"-inf", now_ms - kept_ms, b"WITHSCORES", b"LIMIT", outlasting, STEP)
            (flat,) = await self._ask(Command((b"ZRANGEBYSCORE", *old)))
            entries = _indexed(flat)
            over = [entry for entry in entries if not entry.outlasts(now_ms, kept_ms)]
            outlasting += len(entries) - len(over)
            await self._prune(state, [(entry, 0) for entry in over])
            if len(entries) < STEP:
                return

    async def _prune_by_number(self, state: State, now_ms: int) -> None:
        index = self._keys[f"ended:{state}"]
        for _ in range(STEPS):
            (number,) = await self._ask(Command((b"ZCARD", index)))
            excess = min(STEP, number - self._keys.rules.kept_max(state))
            if excess <= 0:
                return
            (flat,) = await self._ask(Command((b"ZRANGE", index, 0, excess - 1, b"WITHSCORES")))
            await self._prune(state, [(entry, entry.record_until_ms(now_ms)) for entry in _indexed(flat)])

    async def _prune(self, state: State, entries: Sequence[tuple[Indexed, int]]) -> None:
        if not entries:
            return
        members, scores, ends = zip(
            *[(entry.member, entry.finish_ms, until_ms) for entry, until_ms in entries], strict=True
        )
        records = self._keys.records([entry.job_id for entry, _ in entries])
        await self._call("prune", records, (state.value, len(entries), *members, *scores, *ends))


def _indexed(flat: Sequence[bytes]) -> list[Indexed]:
    return [Indexed.read(member, score) for member, score in zip(flat[::2], flat[1::2], strict=True)]
