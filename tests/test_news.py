"""What a worker tells of itself is read by older and by newer ones."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ardiq_django.brokers.redis.snapshots import news_of
from ardiq_django.models import Worker
from ardiq_django.wire import News, pack


@dataclass(frozen=True, slots=True)
class Former:
    """The news of the version before moods and versions were told."""

    starts: Mapping[str, int] = field(default_factory=dict)
    progress: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    rss_bytes: int = 0


def test_what_an_older_worker_tells_is_read() -> None:
    told = pack(Former({"a": 1}, {"a": [1, 2]}, 3))

    assert news_of(told) == News({"a": 1}, {"a": [1, 2]}, 3)
    assert Worker(news=told).told == News({"a": 1}, {"a": [1, 2]}, 3)


def test_an_older_worker_reads_what_is_told_now() -> None:
    told = pack(News({"a": 1}, mood="quiet", versions={"Python": "3.14.0"}))

    assert msgspec.msgpack.decode(told, type=Former) == Former({"a": 1})
