"""How a call is written: by name, with options, from where; and what is refused before anything is sent."""

import asyncio
import logging
import sys
from typing import Any

import pytest

from ardiq_django import Ardiq, ArdiqError, ConfigError, PayloadError, SyncContextError, current_task
from tests.engine.house import House, end_of


async def test_a_task_of_another_process_is_called_by_name(house: House) -> None:
    producer, worker = house.app(), house.app()

    @worker.task(name="mail.send")
    async def send(to: str, *, subject: str = "") -> str:
        return f"{to}: {subject}"

    first = await producer.send("mail.send", "a", subject="b")
    second = await producer.ref("mail.send", priority="high").enqueue("c")
    third = await house.in_thread(lambda: producer.ref("mail.send").enqueue_sync("d"))
    fourth = await house.in_thread(lambda: producer.send_sync("mail.send", "e", subject="f"))
    await house.burst(worker)

    values = [(await end_of(job)).value for job in (first, second, third, fourth)]
    assert values == ["a: b", "c: ", "d: ", "e: f"]


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


async def test_the_longest_names_and_ids_are_kept_whole(house: House) -> None:
    app = house.app(worker_id="w" * 180)
    name, task_id = "é" * 90, "ü" * 100

    job = await app.task(name=name)(_where).options(task_id=task_id).enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == [name, task_id, "w" * 180]
    with pytest.raises(ConfigError, match="give a text of 1 to 180 bytes"):
        app.ref("n" * 181)


async def _where() -> list[str]:
    context = current_task()
    return [context.name, context.task_id, context.worker_id]


async def test_a_context_needs_a_parameter_of_its_own(house: House) -> None:
    app = house.app()

    def without() -> None: ...

    def by_keyword_only(*, context: object) -> None: ...

    for fn in (without, by_keyword_only):
        declare: Any = app.task(takes_context=True)
        with pytest.raises(ConfigError, match="its first parameter is the context"):
            declare(fn)

    assert app.tasks == []


@pytest.mark.skipif(sys.version_info < (3, 14), reason="there a name that is missing fails where it is written")
async def test_annotations_may_name_what_only_type_checkers_see(house: House) -> None:
    app = house.app()
    names: dict[str, Any] = {"__name__": "shop.tasks"}
    exec("async def label(product: Product, width: int = 1) -> Label: return product", names)  # noqa: S102

    job = await app.task(names["label"]).enqueue("cat")
    await house.burst(app)

    assert (await end_of(job)).value == "cat"
    with pytest.raises(TypeError, match="cannot be called so: missing a required argument: 'product'"):
        await app.send("label")


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
        app.enqueue_many([note.prepare()])  # type: ignore[unused-coroutine]  # and of many

    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 3
    for line, what in zip(lines, ["enqueue of task note", "enqueue of task note", "enqueue_many"], strict=True):
        assert f"{what} was never awaited, so nothing was enqueued" in line
        assert f"{__file__}:" in line
    assert await app.queue_size() == 0


async def test_only_what_was_prepared_for_the_queue_is_enqueued_in_it(house: House) -> None:
    app, other = house.app(), Ardiq("memory://", "other")

    @app.task
    async def note() -> None: ...

    with pytest.raises(ConfigError, match=r"note was prepared for queue 't-.*', and is not enqueued in 'other'"):
        await other.enqueue_many([note.prepare()])
    wrong: Any = [note.prepare(), 7]
    with pytest.raises(TypeError, match=r"7 is no prepared call: give what task\.prepare\(…\) returns"):
        await app.enqueue_many(wrong)

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
        with pytest.raises(SyncContextError, match=r"call enqueue_many_sync\(\) instead"):
            app.enqueue_many([])  # type: ignore[unused-coroutine]
        assert note.enqueue_sync().created
        assert [job.created for job in app.enqueue_many_sync([note.prepare()])] == [True]

    await house.in_thread(view)

    assert await app.queue_size() == 2
    assert issubclass(SyncContextError, ArdiqError)
