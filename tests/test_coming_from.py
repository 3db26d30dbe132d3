"""docs/coming-from.md cannot go stale: each line runs on every broker, and what is said to be missing is missing."""

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from django.core.management import load_command_class

import ardiq_django
from ardiq_django import Ardiq, Job, Task, TaskContext, TaskResult
from ardiq_django.config import AppOptions, CallOptions, TaskOptions
from tests.engine.conftest import address, house  # noqa: F401 (fixtures)
from tests.engine.house import House

PAGE = (Path(__file__).parent.parent / "docs" / "coming-from.md").read_text()
CODE = re.compile(r"`([^`]+)`")
ABSENT = re.compile(r"(not yet|by design not): ")
COMMAND = re.compile(r"manage\.py (\w+) ?(.*)")
CHECK = re.compile(r"<!-- (.*?) -->")
OBJECTS = {"app": Ardiq, "task": Task, "job": Job, "context": TaskContext, "result": TaskResult}


@dataclass(frozen=True)
class Row:
    """One line of a table: what they know, our spelling, a note with an invisible check."""

    system: str
    known: str
    ours: str
    note: str

    @property
    def names(self) -> list[str]:
        return CODE.findall(self.ours)

    @property
    def is_absent(self) -> bool:
        return ABSENT.match(self.ours) is not None

    @property
    def source(self) -> str:
        return "\n".join([*self.names, *CHECK.findall(self.note)])

    def __str__(self) -> str:
        return f"{self.system}: {self.known}"


def rows() -> Iterator[Row]:
    system = ""
    for line in PAGE.splitlines():
        if line.startswith("## "):
            system = line[3:]
        elif line.startswith("| ") and not line.startswith("| there"):
            known, ours, note = (cell.strip() for cell in line.strip("|").split(" | "))
            yield Row(system, known, ours, note)


ROWS = list(rows())
SYSTEMS = sorted({row.system for row in ROWS})
SETUP = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("system", SYSTEMS)
async def test_each_line_runs(
    address: str,  # noqa: F811
    system: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for row in ROWS:
        if row.system == system and not row.is_absent:
            await run_row(row, address, monkeypatch)


async def run_row(row: Row, address: str, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    house = House(address)  # noqa: F811 (each line has a queue of its own)
    try:
        if commands := COMMAND.findall(row.source):
            parse(commands)
            return
        await run_code(row, house, monkeypatch)
    except BaseException as error:
        error.add_note(f"in the line | {row.known} | {row.ours} | {row.note} |")
        raise
    finally:
        await house.close()


async def run_code(row: Row, house: House, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    app = house.app()
    monkeypatch.setattr(ardiq_django, "app", app, raising=False)

    async def work() -> None:
        await house.burst(app)

    names: dict[str, Any] = {"work": work, "working": house.working, "raises": pytest.raises, "__name__": "page"}
    exec(compile(SETUP[0], "coming-from.md", "exec"), names)  # noqa: S102 (our own page)
    code = compile(row.source, "coming-from.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    if code.co_flags & inspect.CO_COROUTINE:
        await eval(code, names)  # noqa: S307 (our own page)
    else:
        await house.in_thread(lambda: exec(code, names))  # noqa: S102 (our own page)


def parse(commands: list[tuple[str, str]]) -> None:
    for name, flags in commands:
        parser = load_command_class("ardiq_django", name).create_parser("manage.py", name)
        parser.parse_args(flags.split())


def test_what_is_said_to_be_missing_is_missing() -> None:
    absent = [row for row in ROWS if row.is_absent]
    helped = load_command_class("ardiq_django", "runworker").create_parser("manage.py", "runworker").format_help()

    for row in absent:
        assert row.names, f"{row}: name what is missing"
        assert len(row.note) > 10, f"{row}: say why"
        assert [name for name in row.names if is_there(name, helped)] == [], str(row)
    assert absent


def is_there(name: str, helped: str) -> bool:
    if name.startswith("--"):
        return name in helped
    if name.endswith("="):
        options = {field.name for kind in (AppOptions, TaskOptions, CallOptions) for field in fields(kind)}
        return name[:-1] in options
    owner, _, attribute = name.rpartition(".")
    return hasattr(OBJECTS[owner] if owner else ardiq_django, attribute)


def test_every_option_and_public_name_of_ours_stands_on_the_page() -> None:
    options = {field.name for kind in (AppOptions, TaskOptions, CallOptions) for field in fields(kind)}
    names = (options | set(ardiq_django.__all__)) - {"task_names"}

    assert sorted(name for name in names if not re.search(rf"\b{name}\b", PAGE)) == []


def test_every_line_is_code_or_says_that_it_is_missing() -> None:
    for row in ROWS:
        assert row.names, f"{row}: neither code nor the name of what is missing"
        assert row.is_absent or not re.match(r"(not|by design)\b", row.ours), f"{row}: write 'not yet: `name`'"
