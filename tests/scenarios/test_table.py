"""The tables of docs/reliability.md name tests: each of them is there."""

import re
import subprocess
import sys

import pytest

from tests.ring.processes import ROOT

PAGE = ROOT / "docs" / "reliability.md"
NODE = re.compile(r"`(tests/[a-z0-9_/]+\.py(?:::\w+)+)`")
DEFECT = re.compile(r"^\| A(\d+) \|")


@pytest.fixture(scope="module")
def collected() -> set[str]:
    """What pytest finds in the files that are named, by node id, parameters left out."""
    files = sorted({node.partition("::")[0] for node in NODE.findall(PAGE.read_text())})
    found = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stdout
    return {line.partition("[")[0] for line in found.stdout.splitlines() if "::" in line}


def test_each_of_the_26_defects_has_a_test_that_is_there(collected: set[str]) -> None:
    rows = [line for line in PAGE.read_text().splitlines() if DEFECT.match(line)]

    assert [int(row[3:].partition(" ")[0]) for row in rows] == list(range(1, 27))
    for row in rows:
        nodes = NODE.findall(row)
        assert nodes, row
        assert set(nodes) <= collected


def test_every_test_that_is_named_is_there(collected: set[str]) -> None:
    named = set(NODE.findall(PAGE.read_text()))

    assert named - collected == set()
