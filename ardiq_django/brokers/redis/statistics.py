"""The figures a Redis keeps: a hash for each bucket, which goes by itself when its time is over."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from ardiq_django.brokers.redis.records import text_of
from ardiq_django.brokers.redis.scripts import Keyspace, Value
from ardiq_django.statistics import MOST_TASKS, Figures, Point, Resolution

READ_AT_ONCE = 100  # buckets

Call = Callable[[str, Sequence[str], Sequence[Value]], Awaitable[Any]]


class Statistics:
    """Adds and reads the figures of one queue."""

    def __init__(self, keys: Keyspace, call: Call) -> None:
        self._keys = keys
        self._call = call

    async def report(self, epoch: str, number: int, figures: Mapping[str, Figures], now_ms: int) -> bytes:
        """Add them to the buckets of this moment; answers as report.lua does.

        A script must be told its keys, and so the time of the server comes from a question before."""
        buckets = [self._bucket(resolution, resolution.start_ms(now_ms)) for resolution in Resolution]
        kept = [resolution.kept_ms + resolution.span_ms for resolution in Resolution]
        told = [value for task, one in figures.items() for value in (task, one.packed())]
        keys, args = [self._keys["reported"], *buckets], (epoch, number, MOST_TASKS, *kept, *told)
        answer: bytes = await self._call("report", keys, args)
        return answer

    async def points(self, resolution: Resolution, starts: range, task: str) -> list[Point]:
        """The figures of these buckets, of one task or of each."""
        found: list[Point] = []
        for first in range(0, len(starts), READ_AT_ONCE):
            part = starts[first : first + READ_AT_ONCE]
            reply = await self._call("points", [self._bucket(resolution, start_ms) for start_ms in part], (task,))
            for start_ms, flat in zip(part, reply, strict=True):
                pairs = zip(flat[::2], flat[1::2], strict=True)
                found += [Point(start_ms, Figures.unpacked(packed), text_of(name)) for name, packed in pairs]
        return found

    def _bucket(self, resolution: Resolution, start_ms: int) -> str:
        return self._keys[f"stat:{resolution}:{start_ms}"]
