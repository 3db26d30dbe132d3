"""One broker, used from many event loops, threads and processes."""

import asyncio
import subprocess
import sys
import threading
from typing import Any

from redis import Redis

from ardiq_django.brokers.redis import RedisBroker
from ardiq_django.config import QueueRules
from tests.contract.keep import Keep

FORKING = """
import os, sys
from ardiq_django.brokers.redis import RedisBroker
from ardiq_django.config import QueueRules

broker = RedisBroker(sys.argv[1], QueueRules("forked"))

async def ask():
    return [await broker.paused() for _ in range(100)]

broker.run_sync(broker.pause())
broker.run_sync(ask())
child = os.fork()
try:
    answers = [broker.run_sync(ask()) for _ in range(3)]
except BaseException as error:
    os._exit(3)
if child == 0:
    os._exit(0 if answers == [[True] * 100] * 3 else 4)
assert os.waitpid(child, 0)[1] == 0
assert answers == [[True] * 100] * 3
assert broker.run_sync(ask()) == [True] * 100
broker.run_sync(broker.close())
"""


def test_each_event_loop_has_its_own_connections(clean_redis_url: str) -> None:
    broker = RedisBroker(clean_redis_url, QueueRules("loops"))

    async def use() -> int:
        size = await broker.size()
        await broker.close()
        return size

    assert [asyncio.run(use()) for _ in range(3)] == [0, 0, 0]


def test_it_serves_synchronous_callers_of_many_threads(clean_redis_url: str) -> None:
    keep = Keep(clean_redis_url)
    answers: list[Any] = []

    def produce() -> None:
        for _ in range(20):
            answers.append(keep.broker.run_sync(keep.broker.enqueue([keep.job()])))

    threads = [threading.Thread(target=produce) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(answers) == keep.broker.run_sync(keep.broker.size()) == 80
    keep.broker.run_sync(keep.broker.close())


def test_a_forked_child_does_not_talk_on_its_parents_connections(clean_redis_url: str) -> None:
    quietly = (sys.executable, "-W", "ignore::DeprecationWarning", "-c")  # of forking beside threads, as users do

    done = subprocess.run([*quietly, FORKING, clean_redis_url], timeout=60, check=False, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")


def test_closing_leaves_no_connection(clean_redis_url: str) -> None:
    keep = Keep(clean_redis_url)

    async def use() -> None:
        worker = await keep.worker()
        await asyncio.gather(*[keep.broker.size() for _ in range(20)])
        await keep.broker.wait(worker.epoch, 0.01)
        await keep.broker.listen(worker.epoch, 0.01)
        await keep.put()
        await asyncio.gather(keep.broker.wait_end("x", 0.01), return_exceptions=True)
        await keep.broker.close()

    asyncio.run(use())

    with Redis.from_url(clean_redis_url) as client:
        left = client.client_list()
    assert len(left) == 1  # the one that asks


def test_a_call_under_way_while_all_is_closed_is_answered_and_leaves_no_connection(clean_redis_url: str) -> None:
    keep = Keep(clean_redis_url)

    async def use() -> list[Any]:
        worker = await keep.worker()
        calls = [asyncio.ensure_future(one) for one in (*(keep.broker.size() for _ in range(4)), worker.exchange())]
        await asyncio.sleep(0)
        await keep.broker.close()
        return await asyncio.gather(*calls)

    answers = asyncio.run(use())

    assert answers[:4] == [0] * 4
    with Redis.from_url(clean_redis_url) as client:
        left = client.client_list()
    assert len(left) == 1  # the one that asks
