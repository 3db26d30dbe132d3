"""`executor=` where it is declared: what cannot work is refused there."""

import pytest

from ardiq_django import Ardiq, ConfigError
from tests.engine import bodies


def nightly() -> str:
    return "here"


@pytest.fixture
def app() -> Ardiq:
    return Ardiq("memory://")


def test_only_two_words_are_known(app: Ardiq) -> None:
    with pytest.raises(ConfigError, match="executor='fork': give one of 'thread', 'process'"):
        app.task(executor="fork")(bodies.note)  # type: ignore[call-overload]
    with pytest.raises(ConfigError, match="executor=None"):
        app.cron(every=5, executor=None)(bodies.note)  # type: ignore[arg-type]
    assert app.tasks == []


def test_a_coroutine_function_runs_on_the_loop(app: Ardiq) -> None:
    async def fetch() -> None: ...

    with pytest.raises(TypeError, match="task 'fetch' is a coroutine function, which runs on the loop"):
        app.task(executor="process")(fetch)


def test_a_function_that_a_fresh_interpreter_cannot_import_is_refused_with_the_remedy(app: Ardiq) -> None:
    def nested() -> None: ...

    with pytest.raises(TypeError, match=r"<locals>.nested is not found by importing .*: declare a function at the top"):
        app.task(executor="process")(nested)
    with pytest.raises(TypeError, match="<lambda> is not found"):
        app.task(name="short", executor="process")(lambda: None)
    with pytest.raises(TypeError, match="declare a function at the top level"):
        app.cron(every=60, executor="process")(nested)
    assert app.tasks == app.crons == []


def test_a_function_of_a_script_has_a_file_to_be_found_in(app: Ardiq, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ardiq_django.origin.main_file", str)
    monkeypatch.setattr(bodies.note, "__module__", "__main__")

    with pytest.raises(TypeError, match="note stands in no file"):
        app.task(executor="process")(bodies.note)


def test_a_schedule_may_run_its_task_in_a_process(app: Ardiq) -> None:
    task = app.cron(every=60, executor="process")(nightly)

    assert app.crons == ["nightly"]
    assert task() == "here"  # called in place
