"""Jobs go to the server at once, together where that costs nobody time, and never too many in one call."""

import asyncio
from typing import Any

import pytest

from ardiq_django.brokers.redis.intake import MOST_BYTES, MOST_JOBS, split
from ardiq_django.exceptions import BrokerError
from ardiq_django.wire import Acceptance
from tests.contract.keep import Keep, ids, soon
from tests.services import RedisServer

CREATED = Acceptance.CREATED


async def calls(server: Any) -> int:
    """How many scripts the server has run."""
    return int((await server.info("commandstats")).get("cmdstat_evalsha", {"calls": 0})["calls"])


async def test_those_who_come_together_are_sent_together(keep: Keep, server: Any) -> None:
    await keep.put()
    before = await calls(server)
    jobs = [keep.job() for _ in range(300)]

    answers = await asyncio.gather(*[keep.broker.enqueue([job]) for job in jobs])

    assert answers == [[CREATED]] * 300
    assert await calls(server) - before == 2  # the first alone and at once, the others behind it
    assert ids(await (await keep.worker()).claim(400))[1:] == [job.id for job in jobs]


async def test_each_caller_gets_its_own_answers(keep: Keep) -> None:
    known = await keep.put(token="t")
    twin = keep.job()

    answers = await asyncio.gather(
        keep.broker.enqueue([keep.job()]),
        keep.broker.enqueue([twin, keep.job(id=known.id, token="t")]),
        keep.broker.enqueue([]),
        keep.broker.enqueue([keep.job(id=known.id, token="u"), keep.job()]),
        keep.broker.enqueue([twin]),
    )

    assert list(answers) == [
        [CREATED],
        [CREATED, Acceptance.EXISTING],
        [],
        [Acceptance.CONFLICT, CREATED],
        [Acceptance.EXISTING],
    ]


async def test_one_who_gives_up_takes_nobody_along(keep: Keep) -> None:
    await keep.put()
    tasks = [asyncio.create_task(keep.broker.enqueue([keep.job()])) for _ in range(5)]
    await asyncio.sleep(0)
    tasks[2].cancel()

    answers = await soon(asyncio.gather(*tasks, return_exceptions=True))

    assert [answer for place, answer in enumerate(answers) if place != 2] == [[CREATED]] * 4
    assert isinstance(answers[2], asyncio.CancelledError)


async def test_the_first_giving_up_takes_nobody_along(keep: Keep) -> None:
    await keep.put()
    tasks = [asyncio.create_task(keep.broker.enqueue([keep.job()])) for _ in range(3)]
    await asyncio.sleep(0)
    tasks[0].cancel()

    answers = await soon(asyncio.gather(*tasks, return_exceptions=True))

    assert answers[1:] == [[CREATED]] * 2


async def test_together_they_fail_together(own_server: RedisServer) -> None:
    keep = Keep(own_server.url)
    await keep.put()
    own_server.kill()

    answers = await asyncio.gather(*[keep.broker.enqueue([keep.job()]) for _ in range(3)], return_exceptions=True)

    assert [type(answer) for answer in answers] == [BrokerError] * 3
    await keep.close()


async def test_a_bulk_goes_in_calls_of_a_thousand(keep: Keep, server: Any) -> None:
    before = await calls(server)
    jobs = [keep.job() for _ in range(2_500)]

    answers = await keep.broker.enqueue(jobs)

    assert answers == [CREATED] * 2_500
    assert 3 <= await calls(server) - before <= 3 + 3  # some are sent twice where the script was not loaded yet
    worker = await keep.worker()
    claimed = [*await worker.claim(1_000), *await worker.claim(1_000), *await worker.claim(1_000)]
    assert ids(claimed) == [job.id for job in jobs]


@pytest.mark.parametrize(
    ("number", "call_bytes", "sizes"),
    [
        (0, 10, []),
        (1, 10, [1]),
        (MOST_JOBS, 10, [MOST_JOBS]),
        (MOST_JOBS + 1, 10, [MOST_JOBS, 1]),
        (5, MOST_BYTES // 2, [1, 1, 1, 1, 1]),
        (5, MOST_BYTES // 3, [2, 2, 1]),
        (2, MOST_BYTES * 2, [1, 1]),
    ],
)
async def test_a_call_has_bounds(keep: Keep, number: int, call_bytes: int, sizes: list[int]) -> None:
    call = b"x" * call_bytes

    parts = list(split([keep.job(call=call) for _ in range(number)]))

    assert [len(part) for part in parts] == sizes
