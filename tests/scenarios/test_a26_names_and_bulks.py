"""A26: names that look like the store's own, and a bulk whose answer was lost and which is sent again."""

from functools import partial

import pytest

from ardiq_django import Ardiq, BrokerError, ConfigError
from tests.engine.house import House
from tests.redis.callers import insist
from tests.redis.proxy import Proxy

KEYS = ["due", "jobs", "running", "end", "ended", "workers", "lane", "wake", "tombs", "stat"]
HOSTILE = ["delayed:default", "lane:default", "end:x", "{other}", "a}b{c", "*", "a b", "", "x" * 65, "a\n", "ä", "\x00"]
LOST_AT = range(1, 6)  # commands of the bulk, which goes in three
ANSWERS_LOST = 6


async def test_lanes_named_like_keys_are_lanes_like_others(house: House) -> None:
    app = house.app(priorities=KEYS, concurrency=1)
    lanes: list[str] = []

    @app.task
    async def note(lane: str) -> None:
        lanes.append(lane)

    for lane in KEYS:
        await note.options(priority=lane, delay_ms=1).enqueue(lane)
        await note.options(priority=lane).enqueue(lane)
        await note.options(priority=lane, task_id=lane).enqueue(lane)
    house.travel(1_000)
    await house.burst(app)

    assert sorted(lanes) == sorted(KEYS * 3)
    assert await app.queue_size() == 0


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_that_could_be_another_key_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match="a name is 1 to 64 letters"):
        Ardiq("memory://", queue_name="q", priorities=["default", name])
    with pytest.raises(ConfigError, match="a name is 1 to 64 letters"):
        Ardiq("memory://", queue_name=name)


async def test_a_bulk_that_was_cut_off_is_sent_again_and_nothing_is_there_twice(clean_redis_url: str) -> None:
    refused: list[str | None] = []
    for first in LOST_AT:
        async with Proxy(clean_redis_url, first, ANSWERS_LOST) as proxy:
            app = Ardiq(proxy.address, queue_name=f"bulk-{first}")
            note = app.task(name="note")(print)
            calls = [note.prepare(number) for number in range(2_500)]
            try:
                await app.enqueue_many(calls)
            except BrokerError as error:
                refused.append(error.job_id)
                jobs = await insist(partial(app.enqueue_many, calls))
                assert [job.id for job in jobs] == [call.id for call in calls]
            assert await insist(app.queue_size) == len(calls)
            await app.broker.close()
    assert len(refused) == len(set(refused)) > 2
