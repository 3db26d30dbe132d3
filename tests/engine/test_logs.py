"""What attempts log is kept."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ardiq_django import Ardiq, ConfigError, Reject, current_task
from ardiq_django.worker import logs
from tests.engine.house import House, end_of

logger = logging.getLogger("shop.tasks")


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """The logger of the tasks lets everything through, to its own handlers, of which there are none."""
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler := logging.NullHandler())
    yield
    logger.removeHandler(handler)
    logger.propagate = True
    logger.setLevel(logging.NOTSET)


def said(text: str) -> list[str]:
    """The lines without the time of the day, which begins each."""
    lines = text.splitlines()
    assert all(line[2] == line[5] == ":" and line[12] == "Z" for line in lines)
    return [line[14:] for line in lines]


def helper(text: str) -> None:
    logger.info(text)


async def test_each_failed_attempt_keeps_what_was_logged_in_it(house: House) -> None:
    app = house.app()

    @app.task(max_retries=1, backoff_ms=[0])
    async def on_the_loop() -> None:
        logger.debug("too quiet")
        logger.info("from the %s", "body")
        await asyncio.to_thread(helper, "from a thread")
        await asyncio.create_task(asyncio.to_thread(helper, "from a task"))
        raise ValueError

    @app.task(max_retries=0)
    def in_a_thread() -> None:
        logger.warning("from a thread")
        raise Reject("no")

    jobs = [await on_the_loop.enqueue(), await in_a_thread.enqueue()]
    async with house.working(app):
        first, second = [await end_of(job) for job in jobs]

    own = [f"INFO shop.tasks: from {place}" for place in ("the body", "a thread", "a task")]
    assert [said(attempt.logs) for attempt in first.attempts] == [own, own]
    assert said(second.attempts[0].logs) == ["WARNING shop.tasks: from a thread"]
    assert first.logs == first.attempts[1].logs


async def test_who_succeeds_keeps_it_too(house: House) -> None:
    app = house.app()

    @app.task(max_retries=1, backoff_ms=[0])
    async def on_the_loop() -> None:
        logger.info("attempt %d", current_task().tries)
        if current_task().tries == 1:
            raise ValueError

    @app.task(save_result=False, result_ttl_ms=0)
    def in_a_thread() -> None:
        logger.warning("from a thread")

    @app.task
    def silent() -> str:
        return "nothing"

    jobs = [await on_the_loop.enqueue(), await in_a_thread.enqueue(), await silent.enqueue()]
    await house.burst(app)
    first = await end_of(jobs[0])
    ends = [one.end.logs for job in jobs if (one := await app.broker.get(job.id)) and one.end]

    assert [said(text) for text in ends] == [
        ["INFO shop.tasks: attempt 2"], ["WARNING shop.tasks: from a thread"], [],
    ]  # fmt: skip
    assert (first.logs, said(first.attempts[0].logs)) == (ends[0], ["INFO shop.tasks: attempt 1"])


async def test_jobs_side_by_side_keep_their_own(house: House) -> None:
    app = house.app(concurrency=4)
    together = asyncio.Barrier(2)

    @app.task(max_retries=0)
    async def on_the_loop(name: str) -> None:
        logger.info("%s begins", name)
        await together.wait()
        logger.info("%s ends", name)
        raise ValueError

    jobs = {name: await on_the_loop.enqueue(name) for name in "ab"}
    async with house.working(app):
        found = {name: said((await end_of(job)).attempts[0].logs) for name, job in jobs.items()}

    assert found == {name: [f"INFO shop.tasks: {name} begins", f"INFO shop.tasks: {name} ends"] for name in "ab"}


@pytest.mark.parametrize("how", ["abort", "timeout"])
async def test_an_attempt_that_was_cut_off_keeps_them_too(house: House, how: str) -> None:
    app = house.app()

    @app.task(max_retries=0, timeout=0.2 if how == "timeout" else None)
    async def hangs() -> None:
        logger.info("waiting")
        began.set()
        await asyncio.sleep(60)

    began = asyncio.Event()
    job = await hangs.enqueue()
    async with house.working(app):
        await began.wait()
        if how == "abort":
            await job.abort()
        result = await end_of(job)

    assert said(result.attempts[0].logs) == ["INFO shop.tasks: waiting"]


async def test_the_level_is_an_option_and_none_keeps_nothing(house: House) -> None:
    values: dict[Any, list[str]] = {}
    for level in ("DEBUG", "ERROR", None, ""):
        app = house.app(capture_logs=level)

        @app.task(max_retries=0)
        async def fail() -> None:
            for name in ("debug", "error"):
                getattr(logger, name)("said")
            raise ValueError

        job = await fail.enqueue()
        await house.burst(app)
        values[level] = said((await end_of(job)).attempts[0].logs)

    lines = ["DEBUG shop.tasks: said", "ERROR shop.tasks: said"]
    assert values == {"DEBUG": lines, "ERROR": lines[1:], None: [], "": []}


async def test_what_is_kept_is_bounded(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def chatty(number: int, size: int, fails: bool = True) -> None:
        for line in range(number):
            logger.info("%d %s", line, "ä" * size)
        if fails:
            raise ValueError

    jobs = [await chatty.enqueue(1_000, 1), await chatty.enqueue(100, 1_000), await chatty.enqueue(1, 1_000_000)]
    fine = await chatty.enqueue(1_000, 1, fails=False)
    await house.burst(app)
    many, long, huge = [(await end_of(job)).attempts[0].logs for job in jobs]

    first, *rest = many.splitlines()
    assert first == "… 800 earlier lines left out"
    assert len(rest) == logs.MAX_LINES
    assert rest[-1].endswith("999 ä")
    assert long.splitlines()[0].startswith("… 9")
    assert all(len(text.encode()) <= logs.MAX_BYTES + 100 for text in (many, long, huge))
    assert huge.endswith("ä…")
    assert len((await end_of(fine)).logs.encode()) <= logs.MAX_BYTES_OF_SUCCESS + 100
    assert (await end_of(fine)).logs.endswith("999 ä")


async def test_a_line_of_any_kind_is_kept_as_text(house: House) -> None:
    app = house.app()

    @app.task(max_retries=0)
    async def odd() -> None:
        logger.info("NUL \x00 and \udce9")
        try:
            raise ValueError("inner")
        except ValueError:
            logger.exception("it failed")
        raise KeyError

    job = await odd.enqueue()
    await house.burst(app)
    text = (await end_of(job)).attempts[0].logs

    assert r"NUL \x00 and \udce9" in text
    assert "ERROR shop.tasks: it failed\n    Traceback (most recent call last):" in text
    assert "ValueError: inner" in text


async def test_a_line_that_cannot_be_formatted_is_told_as_such(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    app = house.app()
    monkeypatch.setattr(logging, "raiseExceptions", False)

    @app.task(max_retries=0)
    async def wrong() -> None:
        logger.info("%d apples", "many")
        raise ValueError

    job = await wrong.enqueue()
    await house.burst(app)

    assert "'%d apples' (cannot be formatted: TypeError(" in (await end_of(job)).attempts[0].logs


async def test_outside_of_tasks_nothing_is_kept(house: House) -> None:
    app = house.app()
    go_on = threading.Event()

    @app.task(max_retries=0)
    def fail() -> None:
        go_on.wait(10)
        raise ValueError

    job = await fail.enqueue()
    async with house.working(app):
        logger.error("of somebody else")
        go_on.set()
        result = await end_of(job)

    assert result.attempts[0].logs == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ConfigError, match="capture_logs='LOUD': give one of 'DEBUG', 'INFO'"):
        Ardiq("memory://", capture_logs="LOUD")


@pytest.mark.parametrize(
    ("levels", "handlers", "root", "found"),
    [
        (["INFO", "WARNING"], [], logging.WARNING, logging.INFO),
        ([None], [], logging.WARNING, logging.WARNING),
        (["INFO"], [logging.NullHandler()], logging.WARNING, logging.WARNING),
        (["INFO"], [], logging.ERROR, logging.ERROR),
    ],
)
def test_a_worker_process_hears_what_nobody_has_silenced(
    levels: list[str | None], handlers: list[logging.Handler], root: int, found: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = logging.getLogger()
    monkeypatch.setattr(top, "handlers", handlers)
    before, top.level = top.level, root

    logs.let_through(Ardiq("memory://", capture_logs=level) for level in levels)

    found_level = top.level
    top.setLevel(before)
    assert found_level == found
