"""A worker's word to its broker that it lives, and what it is told in answer."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from ardiq_django.exceptions import LeaseLost
from ardiq_django.wire import Beat, News, Outcome, Released
from ardiq_django.worker.lease import Lease
from ardiq_django.worker.run import Cut
from ardiq_django.worker.runs import Runs
from ardiq_django.worker.vitals import resident_bytes, versions

if TYPE_CHECKING:
    from ardiq_django.brokers import Broker

NEWS_EVERY_S = 1.0


class Heartbeat:
    """Renews a worker's lease by each fifth of it, and sooner, once a second at the most, if there are news.

    `lease` is the one it holds just now, `lost` is called where that is over, and `finished` with what the worker holds
    by the broker's word alone."""

    def __init__(
        self,
        broker: "Broker",
        runs: Runs,
        lease: Callable[[], Lease],
        lost: Callable[[Lease, LeaseLost], Awaitable[None]],
        finished: Callable[[Outcome], None],
    ) -> None:
        self._broker = broker
        self._runs = runs
        self._lease = lease
        self._lost = lost
        self._finished = finished
        self._longest_s = broker.rules.lease_ms / 5000
        self.every_s = min(NEWS_EVERY_S, self._longest_s)
        self.mood = ""
        self._last_told = ("", News())
        self._last_s = time.monotonic()

    async def beat(self) -> None:
        """To be called every `every_s`."""
        now, lease = time.monotonic(), self._lease()
        news = replace(self._runs.news, mood=self.mood, versions=versions())
        # an epoch that is new knows nothing yet; memory changes all the time, and is no news by itself
        if (lease.epoch, news) == self._last_told and now - self._last_s < self._longest_s - self.every_s:
            return
        told = dict(lease.held)
        try:
            found = await self._broker.beat(lease.epoch, lease.call, told, replace(news, rss_bytes=resident_bytes()))
        except LeaseLost as error:
            await self._lost(lease, error)
            return
        self._last_told, self._last_s, lease.renewed_s = (lease.epoch, news), now, time.monotonic()
        if lease is self._lease():
            self._heed(lease, found, told)

    def _heed(self, lease: Lease, found: Beat, told: Mapping[str, int]) -> None:
        for job_id in found.lost:
            # a claim that was told, and not one that a turn has brought since
            self._runs.end(job_id, told[job_id], Cut.LOST)
            lease.forget(job_id, told[job_id])
        for job_id in found.aborts:
            self._runs.end(job_id, lease.held.get(job_id, 0), Cut.ABORT)
        for delivery in found.unknown:
            if delivery.job.id in self._runs:
                continue  # it was lost to a broker that forgot, and has not ended here: a later beat hands it back
            lease.held[delivery.job.id] = delivery.claim
            self._finished(Released(delivery))
