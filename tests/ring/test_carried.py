"""What Django's own context providers take along: language, time zone, request id."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.core.checks import CheckMessage
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils import timezone, translation
from django.utils.timezone import get_fixed_timezone
from pytest_django import Settings

from ardiq_django import Job, carried, get_app
from ardiq_django.carried import RequestIdMiddleware, current_request_id, with_request_id
from ardiq_django.checks import check_ardiq
from tests.engine.house import House, end_of

ALL = [f"ardiq_django.carried.{name}" for name in ("language", "time_zone", "request_id")]


def with_tasks(house: House) -> list[Any]:
    app = house.app(context=[carried.language, carried.time_zone, carried.request_id])

    def look() -> list[Any]:
        offset = timezone.localtime(timezone.now()).utcoffset()
        return [translation.get_language(), str(offset), current_request_id()]

    @app.task
    async def on_the_loop() -> list[Any]:
        await asyncio.sleep(0)
        return look()

    @app.task
    async def in_a_sync_helper() -> list[Any]:
        return await sync_to_async(look)()

    @app.task
    def in_a_thread() -> list[Any]:
        return look()

    return [on_the_loop, in_a_sync_helper, in_a_thread]


async def test_a_job_runs_in_the_language_zone_and_request_it_was_enqueued_in(house: House) -> None:
    tasks = with_tasks(house)

    with translation.override("de"), timezone.override(ZoneInfo("Asia/Kolkata")), with_request_id("r-1"):
        jobs = [await task.enqueue() for task in tasks]
    with timezone.override(get_fixed_timezone(timedelta(hours=-3))):
        jobs.append(await tasks[0].enqueue())
    jobs.append(await tasks[0].enqueue())
    await house.burst(tasks[0].app)

    values = [(await end_of(job)).value for job in jobs]
    assert values[:3] == [["de", "5:30:00", "r-1"]] * 3
    assert values[3:] == [["en-us", "-1 day, 21:00:00", None], ["en-us", "0:00:00", None]]
    assert (translation.get_language(), current_request_id()) == ("en-us", None)


def enqueue_sync(task: Any) -> "Job[Any]":
    job: Job[Any] = task.enqueue_sync()
    return job


def enqueue_under_async_to_sync(task: Any) -> "Job[Any]":
    job: Job[Any] = async_to_sync(task.enqueue)()
    return job


@pytest.mark.parametrize("enqueue", [enqueue_sync, enqueue_under_async_to_sync])
async def test_a_sync_view_hands_on_its_context(house: House, enqueue: Callable[[Any], "Job[Any]"]) -> None:
    tasks = with_tasks(house)

    def view() -> "Job[Any]":
        with translation.override("fr"), timezone.override("Asia/Tokyo"), with_request_id("r-2"):
            return enqueue(tasks[0])

    job = await house.in_thread(view)
    await house.burst(tasks[0].app)

    assert (await end_of(job)).value == ["fr", "9:00:00", "r-2"]


def request(**headers: str) -> HttpRequest:
    return RequestFactory().get("/", headers=headers or None)


def test_the_middleware_gives_each_request_an_id() -> None:
    seen: list[str | None] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(current_request_id())
        return HttpResponse()

    middleware = RequestIdMiddleware(view)
    answers: list[Any] = [
        middleware(request(**{"X-Request-ID": given})) for given in ("abc-1", "<evil>", "x" * 500, "")
    ]
    answers.append(middleware(request()))

    assert [answer.headers["X-Request-ID"] for answer in answers] == seen
    assert seen[0] == "abc-1"
    assert len(set(seen)) == 5
    assert all(one and len(one) == 32 for one in seen[1:])
    assert current_request_id() is None


async def test_the_middleware_serves_async_projects() -> None:
    seen: list[str | None] = []

    async def view(request: HttpRequest) -> HttpResponse:
        await asyncio.sleep(0)
        seen.append(current_request_id())
        return HttpResponse()

    middleware = RequestIdMiddleware(view)
    calls: list[Any] = [middleware(request(**{"X-Request-ID": given})) for given in ("a", "b")]
    first, second = await asyncio.gather(*calls)

    assert [first.headers["X-Request-ID"], second.headers["X-Request-ID"]] == ["a", "b"]
    assert sorted(map(str, seen)) == ["a", "b"]


def test_the_setting_names_providers_by_their_path(settings: Settings) -> None:
    settings.ARDIQ = {"default": {"BROKER": "memory://", "CONTEXT": ALL}}

    assert [provider.name for provider in get_app().options.context] == ["language", "time_zone", "request_id"]


@pytest.mark.parametrize(
    ("context", "said"),
    [
        (["ardiq_django.carried.tongue"], "CONTEXT='ardiq_django.carried.tongue' cannot be imported"),
        (["ardiq_django.carried.HEADER"], "context='X-Request-ID': a context provider has a name"),
        ("ardiq_django.carried.language", "give a list of context providers"),
    ],
)
def test_a_wrong_provider_is_a_system_check_error(settings: Settings, context: Any, said: str) -> None:
    settings.ARDIQ = {"default": {"BROKER": "memory://", "CONTEXT": context}}

    found: list[CheckMessage] = check_ardiq()

    assert [message.id for message in found] == ["ardiq.E002"]
    assert said in found[0].msg
