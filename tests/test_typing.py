"""The type checker finds the bad calls of tests/typing, and no fault with the good ones."""

import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

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
