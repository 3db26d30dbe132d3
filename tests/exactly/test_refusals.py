"""Tasks that cannot be atomic, each refused in a sentence that names what to do, where one can first know."""

from typing import Any

import pytest
from pytest_django import Settings

from ardiq_django import Ardiq, ConfigError, get_app
from ardiq_django.checks import check_ardiq

REMEDY = r"use once\(\)"


def charge() -> None:
    """Declared in different ways."""


async def acharge() -> None:
    """The same."""


@pytest.mark.parametrize(
    ("function", "options"),
    [(acharge, {"atomic": True}), (charge, {"atomic": True, "executor": "process"})],
)
def test_it_is_for_threads(function: Any, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=REMEDY):
        Ardiq("database://default").task(**options)(function)


@pytest.mark.parametrize("value", ["", 1, None])
def test_it_is_a_flag_or_an_alias(value: Any) -> None:
    with pytest.raises(ConfigError, match="atomic="):
        Ardiq("database://default").task(atomic=value)(charge)


@pytest.mark.parametrize(
    ("address", "atomic"),
    [("memory://", True), ("redis://localhost:1/0", True), ("database://postgres", True), ("database://", "postgres")],
)
async def test_its_effects_are_in_the_database_of_its_jobs(address: str, atomic: bool | str) -> None:
    app = Ardiq(address)
    task = app.task(atomic=atomic)(charge)

    with pytest.raises(ConfigError, match=REMEDY):
        await task.enqueue()
    with pytest.raises(ConfigError, match=REMEDY):
        await app.run()


async def test_no_async_middleware_goes_on_after_the_commit() -> None:
    app = Ardiq("database://default")
    app.task(atomic=True)(charge)

    @app.middleware
    async def around(context: Any, call_next: Any) -> Any:
        return await call_next()

    with pytest.raises(ConfigError, match="make the middleware def"):
        await app.run()


def test_the_system_check_tells_of_declared_queues(settings: Settings) -> None:
    settings.ARDIQ = {"default": {"BROKER": "memory://"}}
    app = get_app()
    app.task(atomic=True, name="charged")(charge)
    try:
        assert [(one.id, "charged" in one.msg) for one in check_ardiq()] == [("ardiq.E005", True)]
    finally:
        del app.registry.tasks["charged"]
