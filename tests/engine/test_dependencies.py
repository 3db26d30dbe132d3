"""Dependencies: values made for each job, and replaced in tests."""

import os
import subprocess
import sys
from typing import Annotated, Any, Generic, TypeVar

import pytest
from taskiq_dependencies import Depends as TaskiqDepends

from ardiq_django import Ardiq, ConfigError, TaskContext, current_task
from ardiq_django.dependencies import Depends
from tests.engine.house import House, end_of
from tests.engine.injected import injected

T = TypeVar("T")


async def get_number() -> int:
    return 7


def get_doubled(number: int = Depends(get_number)) -> int:
    return number * 2


class Pair:
    def __init__(self, doubled: int = Depends(get_doubled), number: int = Depends(get_number)) -> None:
        self.both = [doubled, number]


async def test_parameters_are_made_for_async_and_sync_tasks_alike(house: House) -> None:
    app = house.app()

    @app.task
    async def on_the_loop(a: int, doubled: int = Depends(get_doubled), pair: Pair = Depends()) -> list[int]:
        return [a, doubled, *pair.both]

    @app.task
    def in_a_thread(a: int, pair: Annotated[Pair, Depends()], *, number: int = Depends(get_number)) -> list[int]:
        return [a, number, *pair.both]

    jobs = [await on_the_loop.enqueue(1), await app.send("in_a_thread", a=2)]
    await house.burst(app)

    assert [(await end_of(job)).value for job in jobs] == [[1, 14, 14, 7], [2, 7, 14, 7]]


async def test_context_app_and_state_are_there_to_be_injected(house: House) -> None:
    app = house.app()
    app.state.greeting = "hello"

    def get_greeting(context: TaskContext = Depends()) -> str:
        return f"{context.state.greeting} {context.name}"

    @app.task
    async def greet(
        context: TaskContext = Depends(),
        own: Ardiq = Depends(),
        greeting: str = Depends(get_greeting),
        same: TaskContext = Depends(current_task),
    ) -> list[Any]:
        return [greeting, own is app, context is same, context.tries]

    job = await greet.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == ["hello greet", True, True, 1]


async def test_a_process_of_its_own_makes_them_there(house: House, bodies_app: Ardiq) -> None:
    async with house.working(bodies_app):
        job = await bodies_app.ref(injected.name).enqueue(1)
        result = await end_of(job)

    assert result.success, result.value
    a, there, pid, name = result.value
    assert (a, there, name) == (1, True, "injected")
    assert pid != os.getpid()


async def test_a_source_is_made_once_an_attempt_unless_it_is_to_be_fresh(house: House) -> None:
    app = house.app()
    made: list[str] = []

    def count(name: str = "n") -> str:
        made.append(name)
        return f"{name}{len(made)}"

    def over(a: str = Depends(count), b: str = Depends(count, use_cache=False)) -> list[str]:
        return [a, b]

    @app.task
    async def look(
        a: str = Depends(count),
        b: list[str] = Depends(over),
        c: str = Depends(count, kwargs={"name": "x"}),
        d: str = Depends(count, kwargs={"name": "x"}),
    ) -> list[Any]:
        return [a, *b, c, d]

    job = await look.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == ["n1", "n1", "n2", "x3", "x3"]


async def test_generics_know_what_they_are_of(house: House) -> None:
    app = house.app()

    class Box(Generic[T]):
        def __init__(self, content: T = Depends()) -> None:
            self.content = content

    @app.task
    def look(box: Box[Pair] = Depends(), other: Box[Pair] = Depends(Box[Pair])) -> list[Any]:
        return [box.content.both, box is other]

    job = await look.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == [[14, 7], True]


async def test_markers_of_taskiq_are_understood(house: House) -> None:
    app = house.app()

    @app.task
    async def look(
        number: int = TaskiqDepends(get_number), pair: Annotated[Any, TaskiqDepends(Pair)] = None
    ) -> list[Any]:
        return [number, *pair.both]

    job = await look.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == [7, 14, 7]


async def test_overrides_reach_every_place(house: House) -> None:
    app = house.app()

    @app.task
    async def look(
        number: int = Depends(get_number), fresh: int = Depends(get_doubled, use_cache=False), pair: Pair = Depends()
    ) -> list[int]:
        return [number, fresh, *pair.both]

    app.dependency_overrides[get_number] = lambda: 100
    job = await look.enqueue()
    await house.burst(app)
    app.dependency_overrides.clear()
    after = await look.enqueue()
    await house.burst(app)

    assert (await end_of(job)).value == [100, 200, 200, 100]
    assert (await end_of(after)).value == [7, 14, 14, 7]


async def test_a_caller_may_give_what_would_be_injected_by_keyword_alone(house: House) -> None:
    app = house.app()

    @app.task(unique=True)
    async def double(a: int, number: int = Depends(get_number)) -> int:
        return a * number

    job = await double.enqueue(2)
    again = await double.enqueue(a=2)
    given = await double.enqueue(2, number=50)
    with pytest.raises(TypeError, match="cannot be called so: too many positional arguments"):
        await double.enqueue(2, 50)
    await house.burst(app)

    assert (again.id, again.created) == (job.id, False)
    assert ((await end_of(job)).value, (await end_of(given)).value) == (14, 100)


async def test_in_place_nothing_is_injected(house: House) -> None:
    app = house.app()

    @app.task
    async def double(a: int, number: int = Depends(get_number)) -> int:
        return a * number

    assert await double(2, 3) == await double(2, number=3) == 6
    with pytest.raises(TypeError, match=r"double was called in place, where nothing is injected: give number=…"):
        await double(2)


def test_what_can_never_be_injected_is_refused_where_it_is_declared() -> None:
    app = Ardiq("memory://")

    async def before(number: int = Depends(get_number), a: int = 0) -> None: ...

    async def without_keyword(number: int = Depends(get_number), /) -> None: ...

    with pytest.raises(ConfigError, match=r"before: parameters with Depends stand after the others, or behind a \*"):
        app.task(before)
    with pytest.raises(ConfigError, match="number cannot be injected, since it takes no keyword"):
        app.task(without_keyword)
    assert app.tasks == []


async def test_a_source_that_is_unclear_or_turns_in_a_circle_fails_the_job_with_a_sentence() -> None:
    app = Ardiq("memory://", burst=True)

    def turns(itself: Any) -> None: ...

    turns.__defaults__ = (Depends(turns),)

    @app.task(max_retries=0)
    async def in_a_circle(a: None = Depends(turns)) -> None: ...

    @app.task(max_retries=0)
    async def unclear(a=Depends()) -> None: ...  # type: ignore[no-untyped-def]

    jobs = [await in_a_circle.enqueue(), await unclear.enqueue()]
    await app.run()

    first, second = [(await end_of(job)).value for job in jobs]
    assert "turns depends on itself" in first
    assert "unclear: what is 'a' to be? Give Depends(…) a function or a class" in second


def test_without_the_extra_the_import_says_what_to_install() -> None:
    code = "import sys; sys.modules['taskiq_dependencies'] = None\nimport ardiq_django.dependencies"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert found.returncode == 1
    assert "pip install 'ardiq-django[dependencies]'" in found.stderr


def test_tasks_without_dependencies_pay_nothing() -> None:
    code = (
        "import sys, ardiq_django\n"
        "app = ardiq_django.Ardiq('memory://')\n"
        "@app.task\n"
        "def plain(): ...\n"
        "assert app.registry.tasks['plain'].body is app.registry.tasks['plain'].fn\n"
        "assert not {'taskiq_dependencies', 'ardiq_django.dependencies'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
