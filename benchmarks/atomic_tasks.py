"""What exactly once costs: `python -m benchmarks.atomic_tasks [sqlite] [postgres]`.

Sync tasks that insert one row: as they are, in a transaction of their own, with `once()`, and `atomic`. One worker with
16 slots in this process, in burst. PostgreSQL is the tests' server, which does not wait for the disk.
"""

import asyncio
import os
import sys
import time
from collections.abc import Callable, Sequence

import django

from ardiq_django import Ardiq
from ardiq_django.clock import new_epoch
from benchmarks.database_hot_path import ADDRESSES, migrate
from tests.services import PostgresServer, make_work_dir, work_dir

JOBS, ROUNDS = 500, 3


def bodies(alias: str) -> dict[str, Callable[[], None]]:
    """The same effect in four ways; `atomic` is declared."""
    from django.db import transaction

    from ardiq_django import once
    from tests.shop.models import Order

    def plain() -> None:
        Order.objects.using(alias).create(name="bench")

    def transacted() -> None:
        with transaction.atomic(using=alias):
            plain()

    def receipted() -> None:
        with once(using=alias) as is_first:
            if is_first:
                plain()

    return {"as it is": plain, "transaction.atomic()": transacted, "once()": receipted, "atomic": plain}


async def measure(name: str) -> None:
    """Each way in turn, a few times; the best of each."""
    address = ADDRESSES[name]
    alias = address.partition("://")[2]
    best: dict[str, float] = {}
    for _ in range(ROUNDS):
        for way, body in bodies(alias).items():
            app = Ardiq(address, queue_name=f"bench-{new_epoch()}", burst=True)
            task = app.task(name="buy", atomic=alias if way == "atomic" else False)(body)
            await app.enqueue_many([task.prepare() for _ in range(JOBS)])
            began = time.perf_counter()
            await app.run()
            best[way] = max(best.get(way, 0.0), JOBS / (time.perf_counter() - began))
    for way, rate in best.items():
        print(f"{name:9} {way:22} {rate:7,.0f} jobs/s   {rate / best['transaction.atomic()']:5.2f}")


async def main(names: Sequence[str]) -> None:
    for name in names:
        await measure(name)


def start() -> None:
    names = sys.argv[1:] or list(ADDRESSES)
    make_work_dir()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    server = PostgresServer(work_dir() / "postgres")
    if "postgres" in names:
        server.start()
    django.setup()
    migrate(names)
    tables(names)
    try:
        asyncio.run(main(names))
    finally:
        server.stop()


def tables(names: Sequence[str]) -> None:
    """That of the effects, whose app has no migrations."""
    from django.core.management import call_command

    for name in names:
        call_command("migrate", database=ADDRESSES[name].partition("://")[2], run_syncdb=True, verbosity=0)


if __name__ == "__main__":
    start()
