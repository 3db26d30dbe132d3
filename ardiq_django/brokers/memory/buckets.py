"""The figures a memory broker keeps, by resolution, time and task."""

from collections.abc import Mapping

from ardiq_django.statistics import Figures, Point, Resolution, named, total


class Buckets:
    """Not locked: its broker holds the lock around every call."""

    def __init__(self) -> None:
        self._kept: dict[Resolution, dict[int, dict[str, Figures]]] = {resolution: {} for resolution in Resolution}

    def add(self, told: Mapping[str, Figures], now_ms: int) -> None:
        for resolution, buckets in self._kept.items():
            bucket = buckets.setdefault(resolution.start_ms(now_ms), {})
            for task, figures in named(told, bucket).items():
                bucket[task] = total([bucket.get(task, Figures()), figures])

    def points(self, resolution: Resolution, starts: range, task: str) -> list[Point]:
        return [
            Point(start_ms, figures, name)
            for start_ms, bucket in self._kept[resolution].items()
            for name, figures in bucket.items()
            if start_ms in starts and task in ("", name)
        ]

    def prune(self, now_ms: int) -> None:
        """Forget what is kept no longer."""
        for resolution, buckets in self._kept.items():
            for start_ms in [start_ms for start_ms in buckets if start_ms < resolution.oldest_ms(now_ms)]:
                del buckets[start_ms]
