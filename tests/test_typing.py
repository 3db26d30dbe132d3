"""The type checker finds the bad calls of tests/typing, and no fault with the good ones."""

import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import fields
from pathlib import Path

from ardiq_django.config import AppOptions, CallOptions, TaskOptions
from ardiq_django.keywords import AppKeywords, CallKeywords, TaskKeywords
from ardiq_django.plan import PlanOptions

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "tests" / "typing" / "calls.py"
ERROR = re.compile(r"^[^:]+:(\d+): error: (.*)$", re.MULTILINE)


def found() -> dict[int, str]:
    """What a user's strict mypy says of each line."""
    strict = ("--config-file=", "--strict", "--warn-unreachable", "--follow-imports=silent")
    command = [sys.executable, "-m", "mypy", *strict, str(PAGE)]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert not checked.stderr, checked.stderr
    messages: dict[int, str] = defaultdict(str)
    for line, message in ERROR.findall(checked.stdout):
        messages[int(line)] += message
    return messages


def test_the_type_checker_finds_the_bad_calls_and_these_alone() -> None:
    lines = dict(enumerate(PAGE.read_text().splitlines(), 1))
    expected = {number: line.split("# E: ")[1] for number, line in lines.items() if "# E: " in line}

    errors = found()

    assert {number: lines[number] for number in errors} == {number: lines[number] for number in expected}
    assert {number: said for number, said in errors.items() if expected[number] not in said} == {}


def test_the_type_checker_knows_every_option_and_no_other() -> None:
    def names(*kinds: type) -> set[str]:
        return {field.name for kind in kinds for field in fields(kind)}

    assert AppKeywords.__annotations__.keys() == names(AppOptions) - {"queue_name", "priorities"}
    assert TaskKeywords.__annotations__.keys() == names(TaskOptions) - {"takes_context"}
    assert CallKeywords.__annotations__.keys() == names(CallOptions, PlanOptions) | {"delay", "at"}
