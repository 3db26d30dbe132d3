"""Parents and children: who enqueued a job, and what a job enqueued."""

import asyncio

import pytest

from ardiq_django import Ardiq, current_task
from ardiq_django.lineage import BY, PARENT, by_hand, counted, said
from ardiq_django.snapshot import Snapshot
from tests.engine.house import House, end_of


async def _snapshot(app: Ardiq, job_id: str) -> Snapshot:
    found = await app.broker.get(job_id)
    assert found is not None
    return found


async def test_a_job_knows_the_job_that_enqueued_it_and_that_one_its_children(house: House) -> None:
    app = house.app()

    @app.task
    async def child() -> dict[str, object]:
        return dict(current_task().headers)

    @app.task
    async def parent() -> list[str]:
        return [(await child.enqueue()).id, (await child.enqueue()).id]

    async with house.working(app):
        job = await parent.enqueue()
        ids = (await end_of(job)).value
        first = await end_of(app.job(ids[0]))

    assert (await _snapshot(app, job.id)).children == ([f"{house.queue}:{one}" for one in ids], 0)
    assert said((await _snapshot(app, ids[0])).job.headers, PARENT) == f"{house.queue}:{job.id}"
    assert first.value == {}  # ours are none of the user's headers
    assert (await _snapshot(app, job.id)).job.headers == {}


async def test_a_task_in_a_thread_has_children_too(house: House) -> None:
    app = house.app()

    @app.task
    def child() -> None: ...

    @app.task
    def parent() -> str:
        return child.enqueue_sync().id

    async with house.working(app):
        job = await parent.enqueue()
        born = (await end_of(job)).value

    assert (await _snapshot(app, job.id)).children == ([f"{house.queue}:{born}"], 0)
    assert said((await _snapshot(app, born)).job.headers, PARENT) == f"{house.queue}:{job.id}"


async def test_a_failed_attempt_keeps_its_children_and_only_the_first_of_many(house: House) -> None:
    app = house.app()

    @app.task
    async def child(number: int) -> None: ...

    @app.task(max_retries=0)
    async def parent() -> None:
        await app.enqueue_many([child.prepare(number) for number in range(25)])
        raise ValueError("no")

    async with house.working(app):
        job = await parent.enqueue()
        await end_of(job)

    keys, more = (await _snapshot(app, job.id)).children
    assert len(keys) == 20
    assert more == 5


async def test_a_job_that_was_there_before_is_no_child(house: House) -> None:
    app = house.app()

    @app.task
    async def child() -> None: ...

    @app.task
    async def parent() -> bool | None:
        return (await child.options(task_id="one", delay_ms=60_000).enqueue()).created

    await child.options(task_id="one", delay_ms=60_000).enqueue()
    async with house.working(app):
        job = await parent.enqueue()
        assert (await end_of(job)).value is False

    assert (await _snapshot(app, job.id)).children == ([], 0)
    assert said((await _snapshot(app, "one")).job.headers, PARENT) == ""


async def test_whoever_enqueues_by_hand_is_named() -> None:
    app = Ardiq("memory://", "by-hand")

    @app.task
    async def plain() -> None: ...

    with by_hand("anna"):
        job = await plain.enqueue()
        inside, outside = await asyncio.gather(plain.enqueue(), asyncio.to_thread(plain.enqueue_sync))
    after = await plain.enqueue()

    for one, who in ((job, "anna"), (inside, "anna"), (outside, "anna"), (after, "")):
        assert said((await _snapshot(app, one.id)).job.headers, BY) == who


@pytest.mark.parametrize("told", [(), ("+3",), ("q:a", "nonsense", "+x", "+2"), ("q:a", "q:a", "+2")])
def test_what_is_stored_of_children_is_read_whatever_it_is(told: tuple[str, ...]) -> None:
    keys, more = counted(told)

    assert keys == [key for key in ("q:a",) if key in told]
    assert more == sum(int(one[1:]) for one in told if one in ("+2", "+3"))
