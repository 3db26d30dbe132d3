"""Enqueuing: what makes a job, what meets one that is there already, and what is refused before anything is sent."""

import asyncio
import logging
from typing import Any

import pytest

from ardiq_django import ArdiqError, ConfigError, JobConflict, PayloadError, State, SyncContextError
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


async def test_a_task_of_another_process_is_called_by_name(house: House) -> None:
    producer, worker = house.app(), house.app()

    @worker.task(name="mail.send")
    async def send(to: str, *, subject: str = "") -> str:
        return f"{to}: {subject}"

    first = await producer.send("mail.send", "a", subject="b")
    second = await producer.ref("mail.send", priority="high").enqueue("c")
    third = await house.in_thread(lambda: producer.ref("mail.send").enqueue_sync("d"))
    await house.burst(worker)

    assert [(await end_of(job)).value for job in (first, second, third)] == ["a: b", "c: ", "d: "]


async def test_a_reference_binds_where_the_task_is_known_and_is_never_called_in_place(house: House) -> None:
    app = house.app()

    @app.task(expire_ms=60_000, labels={"a": 1})
    async def add(a: int, b: int) -> int:
        return a + b

    for ref in (app.ref("add"), app.ref("add", priority="high"), app.ref("add", unique=True)):
        with pytest.raises(TypeError, match=r"add\(a: int, b: int\) -> int cannot be called so: missing"):
            await ref.enqueue(1)
        with pytest.raises(TypeError, match="'add' is a reference by name: it can be enqueued, not called in place"):
            ref(1, 2)
        prepared = ref.prepare(1, 2).job
        assert (prepared.expire_ms, dict(prepared.labels)) == (60_000, {"a": 1})
    with pytest.raises(ConfigError, match="has no lane 'top'"):
        app.ref("add", priority="top")


async def test_a_unique_reference_is_the_same_call_as_the_task_itself(house: House) -> None:
    app, stranger = house.app(), house.app()

    @app.task(unique=True)
    async def add(a: int, b: int = 0) -> None: ...

    job = await add.enqueue(1)
    by_name = await app.ref("add").enqueue(a=1)
    unique = await stranger.ref("else", unique=True).enqueue(a=1, b=2)
    again = await stranger.ref("else", unique=True).enqueue(b=2, a=1)

    assert (by_name.id, by_name.created) == (job.id, False)
    assert (again.id, again.created) == (unique.id, False)
    with pytest.raises(ConfigError, match="'else', which is not known here, takes keyword arguments only"):
        await stranger.ref("else", unique=True).enqueue(1)


async def test_two_tasks_under_one_name_are_refused(house: House) -> None:
    app = house.app()

    @app.task(name="add")
    async def first() -> None: ...

    with pytest.raises(ValueError, match=r"task 'add' is already registered by .*first; .*second needs another one"):

        @app.task(name="add")
        async def second() -> None: ...


@pytest.mark.parametrize("call", [((), {}), ((1, 2, 3), {}), ((1,), {"c": 2}), ((1,), {"a": 1})])
async def test_a_call_that_does_not_bind_is_refused_at_once(house: House, call: tuple[Any, Any]) -> None:
    app = house.app()

    @app.task
    async def add(a: int, b: int = 0) -> int:
        return a + b

    args, kwargs = call
    for refuse in (add.prepare, add.options(priority="high").prepare):
        with pytest.raises(TypeError, match=r"add\(a: int, b: int = 0\) -> int cannot be called so"):
            refuse(*args, **kwargs)
    with pytest.raises(TypeError, match="cannot be called so"):
        await add.enqueue(*args, **kwargs)

    assert await app.queue_size() == 0


async def test_a_payload_that_cannot_be_carried_names_the_argument(house: House) -> None:
    app = house.app(max_payload_bytes=1_000)

    @app.task
    async def keep(name: str, data: Any = None, *rest: Any) -> None: ...

    with pytest.raises(
        PayloadError, match=r"keep: argument 'data': a value of type builtins\.object cannot be carried"
    ):
        await keep.enqueue("a", object())
    with pytest.raises(
        PayloadError,
        match=r"keep: the arguments take 2,0\d\d bytes, more than max_payload_bytes=1,000 "
        r"\(argument 'data' alone 2,0\d\d\): store the data and pass its key",
    ):
        await keep.enqueue("a", b"x" * 2_000)
    with pytest.raises(PayloadError, match="nowhere: argument 'number 2': a value of"):
        await app.send("nowhere", 1, object())

    assert await app.queue_size() == 0


async def test_an_unknown_lane_is_refused_wherever_it_is_named(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    sentence = "has no lane 'top'; its lanes, lowest first: low, default, high"
    with pytest.raises(ValueError, match=sentence):
        note.options(priority="top")
    with pytest.raises(ValueError, match=sentence):
        app.task(priority="top")(print)


async def test_enqueue_that_is_never_awaited_is_an_error_with_its_line(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    with caplog.at_level(logging.ERROR, "ardiq"):
        note.enqueue()  # type: ignore[unused-coroutine]  # the mistake
        app.send("note")  # type: ignore[unused-coroutine]  # and again

    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 2
    for line in lines:
        assert "enqueue of task note was never awaited, so nothing was enqueued" in line
        assert f"{__file__}:" in line
    assert await app.queue_size() == 0


async def test_enqueue_goes_where_coroutines_go(house: House) -> None:
    app = house.app()

    @app.task
    async def note(number: int) -> None: ...

    async with asyncio.TaskGroup() as group:
        first = group.create_task(note.enqueue(1))
    second, third = await asyncio.gather(note.enqueue(2), asyncio.wait_for(note.enqueue(3), 5))

    assert all(job.created for job in (first.result(), second, third))
    assert await app.queue_size() == 3


async def test_enqueue_sync_inside_a_loop_is_refused(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    for refused in (note.enqueue_sync, lambda: app.enqueue_many_sync([note.prepare()]), app.queue_size_sync):
        with pytest.raises(SyncContextError, match="would block the event loop"):
            refused()


async def test_enqueue_without_a_loop_names_enqueue_sync(house: House) -> None:
    app = house.app()

    @app.task
    async def note() -> None: ...

    def view() -> None:
        with pytest.raises(SyncContextError, match=r"call enqueue_sync\(\) instead"):
            note.enqueue()  # type: ignore[unused-coroutine]
        assert note.enqueue_sync().created
        assert [job.created for job in app.enqueue_many_sync([note.prepare()])] == [True]

    await house.in_thread(view)

    assert await app.queue_size() == 2
    assert issubclass(SyncContextError, ArdiqError)
