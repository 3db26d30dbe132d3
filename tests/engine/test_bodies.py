"""Whatever comes out of a body ends that job alone: the worker, its slots and the other jobs live on."""

import asyncio
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from ardiq_django import Ardiq, Job, Retry, State
from ardiq_django.codec import encode
from tests.contract.keep import Keep
from tests.engine.house import House, end_of, soon


@asynccontextmanager
async def unharmed(house: House, app: Ardiq) -> AsyncIterator[None]:
    """A worker with one slot, whose other job and whose slot survive what happens in the block."""

    @app.task(name="neighbour")
    async def neighbour(started: bool) -> str:
        if started:
            await let_go.wait()
        return "unharmed"

    let_go = asyncio.Event()
    app.override(concurrency=2)
    beside = await neighbour.enqueue(True)
    async with house.working(app):
        await house.until_state(beside, State.RUNNING)
        yield
        for _ in range(4):  # more than there are slots
            assert (await end_of(await neighbour.enqueue(False))).value == "unharmed"
        let_go.set()
        assert (await end_of(beside)).value == "unharmed"


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


ERRORS: list[tuple[BaseException, str | None]] = [
    (SystemExit(3), "SystemExit(3)"),
    (KeyboardInterrupt(), "KeyboardInterrupt()"),
    (asyncio.CancelledError("inner"), "CancelledError('inner')"),
    (GeneratorExit(), "GeneratorExit()"),
    (StopIteration(4), None),  # a coroutine turns it into another error
    (StopAsyncIteration(), "StopAsyncIteration()"),
    (MemoryError("much"), "MemoryError('much')"),
    (RecursionError("deep"), "RecursionError('deep')"),
    (Odd("x"), "Odd('x')"),
    (ExceptionGroup("several", [ValueError("a")]), "ExceptionGroup('several', [ValueError('a')])"),
    (FileNotFoundError(os.fsdecode(b"caf\xe9\x00")), "FileNotFoundError('caf\\udce9\\x00')"),
]


@pytest.mark.parametrize("where", ["on the loop", "in a thread"])
async def test_an_error_of_any_kind_fails_only_its_job(house: House, where: str) -> None:
    app = house.app()

    @app.task(max_retries=0, name="on the loop")
    async def on_the_loop(number: int) -> None:
        raise ERRORS[number][0]

    @app.task(max_retries=0, name="in a thread")
    def in_a_thread(number: int) -> None:
        raise ERRORS[number][0]

    async with unharmed(house, app):
        results = [await end_of(await app.send(where, number)) for number in range(len(ERRORS))]

    for result, (_, value) in zip(results, ERRORS, strict=True):
        assert (result.success, result.aborted, result.tries) == (False, False, 1)
        assert value is None or result.value == value


async def test_a_body_that_cancels_itself_fails(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def suicidal() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)

    @app.task(max_retries=0)
    async def awaits_the_cancelled() -> None:
        inner = asyncio.ensure_future(asyncio.Event().wait())
        inner.cancel()
        await inner

    @app.task
    async def leaves_a_cancel_behind() -> str:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        return "done"

    async with unharmed(house, app):
        failed = [await end_of(await task.enqueue()) for task in (suicidal, awaits_the_cancelled)]
        done = await end_of(await leaves_a_cancel_behind.enqueue())

    assert [(result.success, result.aborted, result.value) for result in failed] == [
        (False, False, "CancelledError()")
    ] * 2
    assert done.value == "done"


async def test_a_result_that_cannot_be_carried_fails_the_job_with_a_sentence(house: House) -> None:
    app = house.app(max_payload_bytes=10_000)
    runs: list[int] = []

    @app.task
    async def make(what: str) -> Any:
        runs.append(1)
        return {"odd": object(), "large": b"x" * 20_000, "deep": deep()}[what]

    def deep() -> Any:
        value: Any = None
        for _ in range(100_000):
            value = [value]
        return value

    async with unharmed(house, app):
        odd, large, nested = [await end_of(await make.enqueue(what)) for what in ("odd", "large", "deep")]

    assert odd.value.startswith("the task ran, but its result of type object cannot be kept: a value of type")
    assert odd.value.endswith("return plain data, or declare save_result=False")
    assert "it takes 20,0" in large.value
    assert "more than max_payload_bytes" in large.value
    assert "nested too deeply" in nested.value
    assert [result.success for result in (odd, large, nested)] == [False] * 3
    assert len(runs) == 3


@pytest.mark.parametrize("call", [b"", b"\xc1\xff\x00", encode(5), encode([1, 2, 3]), encode([[1], {2: 3}])])
async def test_a_payload_that_cannot_be_decoded_fails_with_its_head_shown(house: House, call: bytes) -> None:
    app = house.app()
    app.task(name="note")(print)
    await app.broker.enqueue([Keep(house.address).job(id="odd", task="note", call=call)])

    async with unharmed(house, app):
        result = await end_of(app.job("odd"))

    assert (result.success, result.tries) == (False, 1)
    assert result.value.startswith("the arguments cannot be used: ")
    assert result.value.endswith(f"the payload begins with {call[:64]!r}")


async def test_of_a_payload_that_may_hold_what_is_sensitive_nothing_is_shown(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    app = house.app()

    @app.task(sensitive=["token"])
    async def call(token: str) -> None: ...

    await app.broker.enqueue([Keep(house.address).job(id="odd", task="call", call=encode([["s3cret"], {"b": 1}]))])
    async with house.working(app):
        result = await end_of(app.job("odd"))

    assert result.value.startswith("the arguments cannot be used: ")
    assert "s3cret" not in result.value + caplog.text


async def test_a_stored_job_that_cannot_be_read_at_all_fails_where_one_can_see_it(house: House) -> None:
    app = house.app()
    task = app.task(name="note")(print)
    keep = Keep(house.address)
    keep.broker, keep.rules = app.broker, app.options.rules
    job = await task.options(task_id="odd").enqueue()
    await keep.corrupt(job.id)

    async with unharmed(house, app):
        result = await end_of(job)

    assert not result.success
    assert "the stored job cannot be decoded" in result.value


async def test_a_call_that_does_not_bind_fails_without_retries(house: House) -> None:
    app, producer = house.app(), house.app()

    @app.task(max_retries=5)
    async def add(a: int, b: int) -> int:
        return a + b

    async with unharmed(house, app):
        result = await end_of(await producer.send("add", 1, c=2))

    assert (result.success, result.tries) == (False, 1)
    assert "add(a: int, b: int) -> int cannot be called so: missing a required argument: 'b'" in result.value


async def test_a_type_error_of_the_body_itself_is_an_ordinary_failure(house: House) -> None:
    app = house.app()

    @app.task(max_retries=1, backoff_ms=[0])
    async def wrong() -> int:
        return len(5)  # type: ignore[arg-type]

    async with house.working(app):
        result = await end_of(await wrong.enqueue())

    assert result.tries == 2
    assert result.value == "TypeError(\"object of type 'int' has no len()\")"


async def test_a_wait_that_is_no_number_fails_the_attempt_that_asked_for_it(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def ask() -> None:
        raise Retry("later", delay_ms="soon")  # type: ignore[arg-type]

    @app.task(max_retries=1, backoff_ms=lambda tries, error: int("soon"))
    async def fail() -> None:
        raise ValueError("no")

    async with unharmed(house, app):
        result = await end_of(await ask.enqueue())
        job = await fail.enqueue()
        await house.until_state(job, State.RETRYING)

    assert "delay_ms='soon': give a number of milliseconds" in result.value


async def test_a_body_that_ends_the_process_of_nobody_leaves_its_thread_usable(house: House) -> None:
    app = house.app(concurrency=1)
    names: list[str] = []

    @app.task(max_retries=0)
    def leave() -> None:
        names.append(threading.current_thread().name)
        raise SystemExit

    jobs: list[Job[Any]] = [await leave.enqueue() for _ in range(3)]
    async with house.working(app):
        for job in jobs:
            await soon(job.result(10))

    assert len(names) == 3
    assert len(set(names)) == 1
