"""Enqueuing: what makes a job, and what meets one that is there already."""

import pytest

from ardiq_django import JobConflict, State
from tests.engine.house import House, end_of


async def test_a_job_has_an_id_before_anything_runs(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    first, second = await note.enqueue(), await note.enqueue()

    assert (first.created, second.created) == (True, True)
    assert len({first.id, second.id}) == 2
    assert first.id < second.id
    assert app.job(first.id) == first
    assert await app.queue_size() == 2


async def test_a_task_id_in_flight_meets_the_job_that_is_there(house: House) -> None:
    app = house.app()

    @app.task
    async def add(a: int, b: int = 1) -> int:
        return a + b

    first = await add.options(task_id="order-17").enqueue(1)
    again = await add.options(task_id="order-17").enqueue(b=1, a=1)

    assert (first.id, again.id) == ("order-17", "order-17")
    assert (first.created, again.created) == (True, False)
    assert await app.queue_size() == 1


async def test_another_call_under_an_id_in_flight_is_a_conflict(house: House) -> None:
    app = house.app()

    @app.task
    async def ship(order: int) -> str:
        return f"shipped {order}"

    @app.task
    async def bill(order: int) -> None: ...

    job = await ship.options(task_id="order-17").enqueue(17)
    for other in (bill, ship):
        with pytest.raises(JobConflict, match="job id 'order-17' belongs to another call") as caught:
            await other.options(task_id="order-17").enqueue(18)
        assert caught.value.job_id == "order-17"
    await house.burst(app)

    assert (await end_of(job)).value == "shipped 17"


async def test_a_new_run_replaces_the_old_result_at_once(house: House) -> None:
    app = house.app()

    @app.task
    async def add(a: int) -> int:
        return a + 1

    job = await add.options(task_id="sum").enqueue(1)
    await house.burst(app)
    assert (await end_of(job)).value == 2
    again = await add.options(task_id="sum").enqueue(10)

    assert again.created
    assert await again.result() is None
    assert await again.status() == "queued"
    await house.burst(app)
    assert (await end_of(again)).value == 11


async def test_a_unique_call_is_the_same_however_it_is_written(house: House) -> None:
    app = house.app()

    @app.task(unique=True)
    async def send(user: int, kind: str = "welcome", *, when: tuple[int, ...] = ()) -> None: ...

    first = await send.enqueue(7)
    others = [
        await send.enqueue(user=7),
        await send.enqueue(7, "welcome"),
        await send.enqueue(kind="welcome", user=7),
        await send.enqueue(7, when=()),
        await send.options(unique=True).enqueue(7),
    ]
    different = [await send.enqueue(8), await send.enqueue(7, "farewell"), await send.options(unique=False).enqueue(7)]

    assert first.id.startswith("unique:")
    assert [(job.id, job.created) for job in others] == [(first.id, False)] * 5
    assert all(job.created for job in different)
    assert len({job.id for job in different} | {first.id}) == 4


async def test_a_unique_call_may_run_again_after_its_end(house: House) -> None:
    app = house.app()
    runs: list[int] = []

    @app.task(unique=True)
    async def note(number: int) -> None:
        runs.append(number)

    first = await note.enqueue(1)
    await house.burst(app)
    second = await note.enqueue(1)
    await house.burst(app)

    assert first.id == second.id
    assert second.created
    assert runs == [1, 1]


async def test_two_tasks_with_the_same_arguments_are_not_the_same_call(house: House) -> None:
    app = house.app()

    @app.task(unique=True)
    async def ship(order: int) -> None: ...

    @app.task(unique=True)
    async def bill(order: int) -> None: ...

    assert (await ship.enqueue(1)).id != (await bill.enqueue(1)).id


async def test_a_unique_key_says_what_makes_two_calls_the_same(house: House) -> None:
    app = house.app()

    @app.task(unique=True, unique_key=lambda user, text: user)
    async def remind(user: int, text: str) -> None: ...

    first, again, other = [await remind.enqueue(*call) for call in [(1, "a"), (1, "b"), (2, "a")]]

    assert (again.id, again.created) == (first.id, False)
    assert other.created


async def test_prepared_calls_are_enqueued_together_in_order(house: House) -> None:
    app = house.app(concurrency=1)
    order: list[int] = []

    @app.task
    async def note(number: int) -> None:
        order.append(number)

    jobs = await app.enqueue_many(note.prepare(number) for number in range(25))
    again = await app.enqueue_many([note.options(task_id="x").prepare(99), note.options(task_id="x").prepare(99)])
    await house.burst(app)

    assert order == [*range(25), 99]
    assert [job.created for job in jobs] == [True] * 25
    assert [job.created for job in again] == [True, False]


async def test_a_conflict_among_many_is_told_after_all_were_sent(house: House) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> None: ...

    calls = [note.options(task_id="x").prepare(1), note.options(task_id="x").prepare(2)]
    calls += [note.prepare(number) for number in range(1_000)]
    with pytest.raises(JobConflict, match="'x'"):
        await app.enqueue_many(calls)

    assert await app.queue_size() == 1_001
    assert await house.state(calls[-1].id) is State.QUEUED


async def test_repeating_prepared_calls_enqueues_nothing_twice(house: House) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> None: ...

    calls = [note.prepare(1), note.options(task_id="x").prepare(2)]
    first = await app.enqueue_many(calls)
    await house.burst(app)
    second = await app.enqueue_many(calls)

    assert [job.created for job in first] == [True, True]
    assert [job.created for job in second] == [False, False]
    assert await app.queue_size() == 0


async def test_more_than_one_chunk_keeps_its_order(house: House) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> None: ...

    prepared = [note.prepare(number) for number in range(1_203)]
    jobs = await app.enqueue_many(prepared)

    assert [job.id for job in jobs] == [call.id for call in prepared]
    assert await app.queue_size() == 1_203


async def test_any_text_is_an_id(house: House) -> None:
    app = house.app()
    texts = ["a b/c:{d}\n*?[x]", "é\U0001f600", "'; DROP TABLE ardiq_job; --", "%s %(a)s", "\\", "x" * 200, " ", "0"]

    @app.task
    async def echo(text: str) -> str:
        return text

    jobs = [await echo.options(task_id=text).enqueue(text) for text in texts]
    aborted = await echo.options(task_id="{abort}:me").enqueue("never")
    assert [await job.status() for job in jobs] == ["queued"] * len(texts)
    assert await aborted.abort()
    await house.burst(app)

    assert [job.id for job in jobs] == texts
    assert [(await end_of(app.job(text))).value for text in texts] == texts
    assert (await end_of(aborted)).aborted
