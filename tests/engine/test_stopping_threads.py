"""What becomes of threads when a worker ends: they are told, waited for a while, and then left to themselves."""

import asyncio
import threading

import pytest

from ardiq_django import State, current_task
from tests.engine.house import SOON_S, House, end_of, seen, soon


async def test_a_job_is_not_handed_back_beside_a_thread_that_ends_soon_after_it_was_told(house: House) -> None:
    app = house.app()
    begun, told, let_go = threading.Event(), threading.Event(), threading.Event()

    @app.task
    def slow() -> str:
        context, pause = current_task(), threading.Event()
        begun.set()
        while not context.aborted:
            pause.wait(0.001)
        told.set()
        assert let_go.wait(SOON_S)
        return "finished"

    job = await slow.enqueue()
    worker = asyncio.create_task(app.run())
    await seen(begun)
    app.stop(now=True)
    await seen(told)
    await asyncio.wait([worker], timeout=0.3)  # which is long for a worker that does not wait
    assert not worker.done()
    let_go.set()
    await soon(worker)

    assert (await end_of(job)).value == "finished"


async def test_a_thread_that_a_stop_does_not_wait_for_gives_its_job_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ardiq_django.worker.runs.THREAD_GRACE_S", 0.1)
    app = house.app()
    entered, let_go, left = threading.Event(), threading.Event(), threading.Event()

    @app.task
    def stuck() -> None:
        entered.set()
        assert let_go.wait(SOON_S)
        left.set()

    job = await stuck.enqueue()
    worker = asyncio.create_task(app.run())
    await seen(entered)
    app.stop(now=True)
    await soon(worker)

    assert await house.state(job) is State.QUEUED
    let_go.set()
    await seen(left)


async def test_a_thread_is_told_that_the_worker_does_not_wait_any_longer(house: House) -> None:
    app = house.app()
    entered, left = threading.Event(), threading.Event()

    @app.task
    def polite() -> None:
        context, pause = current_task(), threading.Event()
        entered.set()
        while not context.aborted:
            pause.wait(0.001)
        left.set()

    await polite.enqueue()
    worker = asyncio.create_task(app.run())
    await seen(entered)
    app.stop(now=True)
    await soon(worker)

    await seen(left)
