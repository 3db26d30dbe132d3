"""How fast the database broker keeps and hands out jobs: `python -m benchmarks.database_hot_path [sqlite] [postgres]`.

One worker's exchanges, settling the last batch and claiming the next, with no codec and no task in between; then bulk
enqueue and single enqueue. PostgreSQL is the tests' server, which does not wait for the disk; SQLite is WAL, NORMAL.
"""

import asyncio
import os
import sys
import time
from collections.abc import Sequence

import django

from ardiq_django.brokers.base import QueueRules
from ardiq_django.clock import new_epoch, new_id, now_ms
from ardiq_django.wire import FORMAT, Delivery, Exchange, StagedJob, Succeeded, WorkerCard
from tests.services import PostgresServer, make_work_dir, work_dir

BATCHES = {100: 20_000, 16: 8_000, 1: 1_500}
CALL = b"\x92\x92\x01\xa5hello\x80"
ADDRESSES = {"sqlite": "database://default", "postgres": "database://postgres"}


def job() -> StagedJob:
    return StagedJob(FORMAT, new_id(), "shop.tasks.mail", "default", CALL, now_ms())


def success(delivery: Delivery) -> Succeeded:
    now = now_ms()
    return Succeeded(delivery, now, now, b"\xc0", 300_000)


class Bench:
    """One queue of one database."""

    def __init__(self, name: str) -> None:
        from ardiq_django.brokers import keeper

        self._name = name
        self._broker = keeper(ADDRESSES[name])(ADDRESSES[name], QueueRules(f"bench-{new_epoch()}"))

    async def run(self) -> None:
        await self._single()
        for batch, number in BATCHES.items():
            await self._bulk(number)
            await self._dispatch(batch, number)
        await self._broker.close()

    def _say(self, what: str, number: int, began: tuple[float, float]) -> None:
        wall, cpu = time.perf_counter() - began[0], time.process_time() - began[1]
        print(f"{self._name:9} {what:24} {number / wall:9,.0f} /s   {cpu / number * 1e6:7.1f} us CPU each here")

    async def _single(self) -> None:
        began, number = now(), 1_000
        for _ in range(number):
            await self._broker.enqueue([job()])
        self._say("enqueue, one by one", number, began)
        began = now()
        await asyncio.to_thread(self._single_in_place, number)
        self._say("enqueue, synchronous", number, began)
        await self._broker.clear()

    def _single_in_place(self, number: int) -> None:
        from django.db import connections

        for _ in range(number):
            self._broker.run_sync(self._broker.enqueue([job()]))
        connections[ADDRESSES[self._name].partition("://")[2]].close()

    async def _bulk(self, number: int) -> None:
        jobs = [job() for _ in range(number)]
        began = now()
        for start in range(0, number, 1_000):
            await self._broker.enqueue(jobs[start : start + 1_000])
        self._say("enqueue, by thousands", number, began)

    async def _dispatch(self, batch: int, number: int) -> None:
        epoch, call = new_epoch(), 0
        await self._broker.register(WorkerCard(epoch, "bench"))
        held: Sequence[Delivery] = ()
        began, done = now(), 0
        while done < number:
            call += 1
            turn = Exchange(epoch, call, "bench", [success(one) for one in held], batch, ("default",))
            held = (await self._broker.exchange(turn)).deliveries
            done += len(held)
        self._say(f"exchange, batches of {batch}", number, began)
        await self._broker.leave(epoch)


def now() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


async def main(names: Sequence[str]) -> None:
    for name in names:
        await Bench(name).run()


def start() -> None:
    names = sys.argv[1:] or list(ADDRESSES)
    make_work_dir()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    server = PostgresServer(work_dir() / "postgres")
    if "postgres" in names:
        server.start()
    django.setup()
    migrate(names)
    try:
        asyncio.run(main(names))
    finally:
        server.stop()


def migrate(names: Sequence[str]) -> None:
    from django.core.management import call_command
    from django.db import connections

    for name in names:
        alias = ADDRESSES[name].partition("://")[2]
        if alias == "postgres":
            create_database(alias)
        call_command("migrate", database=alias, verbosity=0)
        connections[alias].close()


def create_database(alias: str) -> None:
    import psycopg
    from django.db import connections

    settings = connections[alias].settings_dict
    url = f"postgresql://{settings['USER']}@/postgres?host={settings['HOST']}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{settings["NAME"]}"')


if __name__ == "__main__":
    start()
