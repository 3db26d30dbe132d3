"""How fast the Redis broker keeps and hands out jobs: `python -m benchmarks.redis_hot_path [scale]`.

One worker's exchanges, settling the last batch and claiming the next, with no codec and no task in between; then the
ways of enqueueing. CPU is the steadier figure: of this process, and of the main thread of the server.
"""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from redis.asyncio import Redis

from ardiq_django.brokers.base import QueueRules
from ardiq_django.brokers.redis import RedisBroker
from ardiq_django.clock import new_epoch, new_id, now_ms
from ardiq_django.wire import FORMAT, Delivery, Exchange, StagedJob, Succeeded, WorkerCard
from tests.services import RedisServer, make_work_dir

CALL = b"\x92\x92\x01\xa5hello\x80"
BULK = 50_000
BATCHES = {100: 50_000, 16: 16_000, 1: 3_000}


def jobs(number: int) -> list[StagedJob]:
    return [StagedJob(FORMAT, new_id(), "shop.tasks.mail", "default", CALL, now_ms()) for _ in range(number)]


def success(delivery: Delivery) -> Succeeded:
    now = now_ms()
    return Succeeded(delivery, now, now, b"\xa2ok", 300_000)


class Bench:
    """One queue of one Redis."""

    def __init__(self, url: str, scale: float) -> None:
        self._scale = scale
        self._broker = RedisBroker(url, QueueRules(f"bench-{new_epoch()}"))
        self._server = Redis.from_url(url)

    async def run(self) -> None:
        await self._enqueue_singly(self._scaled(3_000))
        await self._enqueue_together(self._scaled(10_000))
        await self._enqueue_bulk(self._scaled(BULK))
        for batch, number in BATCHES.items():
            await self._broker.clear()
            await self._broker.enqueue(jobs(self._scaled(number)))
            await self._exchange(batch, self._scaled(number))
        await self._broker.close()
        await self._server.aclose()

    def _scaled(self, number: int) -> int:
        return max(200, int(number * self._scale))

    @asynccontextmanager
    async def _measured(self, what: str, number: int) -> AsyncIterator[None]:
        served, wall, cpu = await self._server_cpu(), time.perf_counter(), time.process_time()
        yield
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        served = await self._server_cpu() - served
        each, there = cpu / number * 1e6, served / number * 1e6
        print(f"{what:28} {number / wall:9,.0f} /s   {each:6.1f} us CPU each here   {there:6.1f} us in Redis")

    async def _server_cpu(self) -> float:
        info = await self._server.info("cpu")
        return float(info["used_cpu_user_main_thread"]) + float(info["used_cpu_sys_main_thread"])

    async def _enqueue_singly(self, number: int) -> None:
        made = jobs(number)
        async with self._measured("enqueue, one by one", number):
            for job in made:
                await self._broker.enqueue([job])

    async def _enqueue_together(self, number: int) -> None:
        made = jobs(number)
        async with self._measured("enqueue, 100 callers at once", number):
            for first in range(0, number, 100):
                await asyncio.gather(*[self._broker.enqueue([job]) for job in made[first : first + 100]])

    async def _enqueue_bulk(self, number: int) -> None:
        made = jobs(number)
        async with self._measured("enqueue, in bulk", number):
            await self._broker.enqueue(made)

    async def _exchange(self, batch: int, number: int) -> None:
        card = WorkerCard(new_epoch(), "bench")
        await self._broker.register(card)
        done: Sequence[Succeeded] = ()
        async with self._measured(f"settle and claim by {batch}", number):
            for call in range(1, number // batch + 2):
                turn = await self._broker.exchange(Exchange(card.epoch, call, "bench", done, batch, ("default",)))
                done = [success(delivery) for delivery in turn.deliveries]
        assert not done
        await self._broker.leave(card.epoch)


def main() -> None:
    make_work_dir()
    server = RedisServer()
    server.start()
    try:
        asyncio.run(Bench(server.url, float(sys.argv[1]) if sys.argv[1:] else 1.0).run())
    finally:
        server.stop()


if __name__ == "__main__":
    main()
