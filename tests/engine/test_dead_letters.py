"""Dead letters: jobs that failed for good are seen, queued again, removed."""

import pytest

from ardiq_django import Ardiq, DeadLetter, State
from ardiq_django.clock import now_ms
from tests.engine.house import House, end_of


def declare(app: Ardiq) -> list[str]:
    """Two tasks that fail until their argument is in the list."""
    mended: list[str] = []

    @app.task(name="ship", max_retries=1, backoff_ms=[0], priority="high")
    async def ship(order: str) -> str:
        if order not in mended:
            raise ValueError(f"no {order}")
        return f"shipped {order}"

    @app.task(name="bill", max_retries=0)
    async def bill(order: str) -> str:
        if order not in mended:
            raise LookupError(f"no {order}")
        return f"billed {order}"

    return mended


async def test_a_job_that_failed_for_good_is_a_dead_letter(house: House) -> None:
    app = house.app()
    declare(app)

    job = await app.send("ship", order="a")
    await house.burst(app)
    (letter,) = await app.dead_letters()

    told = (letter.task_id, letter.fn_name, letter.args, letter.kwargs, letter.priority, letter.error, letter.tries)
    assert told == (job.id, "ship", (), {"order": "a"}, "high", "ValueError('no a')", 2)
    assert [attempt.error_type for attempt in letter.attempts] == ["ValueError"] * 2
    assert abs(letter.enqueue_time - now_ms()) < 60_000
    assert abs(letter.failed_at - now_ms()) < 60_000


async def test_other_ends_are_no_dead_letters(house: House) -> None:
    app = house.app()
    declare(app).append("good")

    await app.send("ship", "good")
    expired = await app.ref("ship").options(expire_ms=1).enqueue("late")
    aborted = await app.ref("ship").options(delay_ms=60_000).enqueue("unwanted")
    await aborted.abort()
    house.travel(1_000)
    await house.burst(app)

    assert (await end_of(expired)).expired
    assert await app.dead_letters() == []
    assert await app.dead_count() == 0


async def test_dead_letters_are_listed_newest_first_and_by_task(house: House) -> None:
    app = house.app(concurrency=1)
    declare(app)
    for number in range(3):
        await app.send("ship", f"s{number}")
        await house.burst(app)
        house.travel(1_000)
        await app.send("bill", f"b{number}")
        await house.burst(app)
        house.travel(1_000)

    def orders(letters: list[DeadLetter]) -> list[str]:
        return [letter.args[0] for letter in letters]

    assert orders(await app.dead_letters()) == ["b2", "s2", "b1", "s1", "b0", "s0"]
    assert orders(await app.dead_letters(2, offset=1)) == ["s2", "b1"]
    assert orders(await app.dead_letters(2, task="ship")) == ["s2", "s1"]
    assert (await app.dead_count(), await app.dead_count(task="bill"), await app.dead_count(task="else")) == (6, 3, 0)


async def test_a_replayed_job_has_its_id_and_a_fresh_budget(house: House) -> None:
    app = house.app()
    mended = declare(app)
    job = await app.send("ship", "a")
    await house.burst(app)

    again = await app.replay(job.id)
    between = await job.result(), await job.status()
    await house.burst(app)
    failed = await end_of(job)
    mended.append("a")
    assert await job.retry()
    await house.burst(app)
    result = await end_of(job)

    assert again == job
    assert between == (None, "queued")
    assert (failed.tries, [attempt.number for attempt in failed.attempts]) == (2, [1, 2, 1, 2])
    assert (result.value, result.tries, result.error, len(result.attempts)) == ("shipped a", 1, None, 4)
    assert await app.dead_letters() == []


async def test_only_what_ended_without_success_is_replayed(house: House) -> None:
    app = house.app()
    declare(app).append("good")
    good, waiting = await app.send("ship", "good"), await app.ref("ship").options(delay_ms=60_000).enqueue("b")
    await house.burst(app)

    for task_id in (good.id, waiting.id, "nobody"):
        assert await app.replay(task_id) is None
        assert await app.job(task_id).retry() is False
    assert await app.replay(waiting.id) is None
    await waiting.abort()
    assert await app.replay(waiting.id) == waiting


async def test_all_dead_letters_are_replayed_each_once(house: House) -> None:
    app = house.app()
    mended = declare(app)
    await app.enqueue_many([app.ref(name).prepare(f"{number}") for name in ("ship", "bill") for number in range(8)])
    await house.burst(app)
    mended += [f"{number}" for number in range(5)]

    bills = await app.replay_dead(task="bill")
    await house.burst(app)
    everything = await app.replay_dead()
    await house.burst(app)

    assert (bills, everything) == (8, 3 + 8)
    assert await app.dead_count() == 3 + 3
    assert await app.replay_dead(task="else") == 0


async def test_more_dead_letters_than_are_read_at_once_are_replayed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.queue.AT_ONCE", 4)
    app = house.app()
    declare(app)
    await app.enqueue_many(app.ref("bill").prepare(f"{number}") for number in range(11))
    await house.burst(app)

    assert await app.replay_dead() == 11
    await house.burst(app)
    assert await app.delete_dead() == 11
    assert await app.dead_count() == 0


async def test_dead_letters_that_are_deleted_are_gone(house: House) -> None:
    app = house.app()
    declare(app).append("good")
    jobs = [await app.send("ship", "a"), await app.send("bill", "b"), await app.send("bill", "good")]
    await house.burst(app)

    assert await app.delete_dead(task="ship") == 1
    assert await app.delete_dead() == 1

    assert [await house.state(job) for job in jobs] == [None, None, State.SUCCEEDED]


async def test_a_job_of_a_lane_that_is_no_more_is_not_replayed_to_where_nobody_serves_it(house: House) -> None:
    app = house.app()
    declare(app)
    job = await app.send("ship", "a")
    await house.burst(app)
    fewer = house.app(priorities=["low"])

    for replay in (fewer.replay(job.id), fewer.job(job.id).retry(), fewer.replay_dead()):
        with pytest.raises(ValueError, match="has no lane 'high'; its lanes, lowest first: low"):
            await replay

    assert await app.dead_count() == 1


async def test_a_dead_letter_that_cannot_be_decoded_is_shown_without_arguments(house: House) -> None:
    app = house.app()
    declare(app)
    job = await app.send("ship", "a")
    await house.burst(app)
    stranger = house.app(serializer=lambda value: b"", deserializer=_refuse)

    (letter,) = await stranger.dead_letters()

    assert (letter.task_id, letter.args, letter.kwargs, letter.error) == (job.id, (), {}, "ValueError('no a')")


def _refuse(data: bytes) -> object:
    raise ValueError("not of mine")


async def test_dead_letters_have_sync_twins(house: House) -> None:
    app = house.app()
    declare(app)
    jobs = [await app.send("ship", f"{number}") for number in range(3)]
    await house.burst(app)

    def clean_up() -> None:
        assert len(app.dead_letters_sync(2, task="ship")) == 2
        assert (app.dead_count_sync(), app.dead_count_sync(task="bill")) == (3, 0)
        assert app.replay_sync(jobs[0].id) == jobs[0]
        assert app.replay_dead_sync(task="bill") == 0
        assert app.delete_dead_sync() == 2
        assert app.dead_letters_sync() == []

    await house.in_thread(clean_up)
