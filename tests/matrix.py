"""`python -m tests.matrix`: the tests on each Python found here with each Django it may run, and on each server found.

Every pair has an environment of its own in `.matrix/`. By default a pair runs what needs no PostgreSQL and takes a
minute or two; FULL=1 runs everything. The newest pair then runs the tests of Redis on each of those there are, and the
tests of databases on MariaDB.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from tests.programs import ServerMissing, every_redis, find_mariadb

ROOT = Path(__file__).parent.parent
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
DJANGOS = {"5.2": "3.11", "6.0": "3.12", "6.1": "3.12"}  # with the oldest Python each of them runs on
SERVERS = ("Redis 6.2", "Redis 7", "Valkey", "MariaDB")

# What needs PostgreSQL, or one process after another, takes longer than all the rest.
LEFT_OUT = ("tests/ring/test_orm.py", "tests/ring/test_inside_jobs.py", "tests/ring/test_super*.py")
QUICK = (
    *("tests/contract", "tests/engine", "tests/ring", "tests/admin"),
    *(f"--ignore-glob={ROOT / name}" for name in LEFT_OUT),
    *("-k", "not postgres and not ((engine or admin) and (redis or sqlite))"),
)
ON_REDIS = ("tests/redis", "tests/contract", "-k", "redis")
ON_MARIADB = ("tests/database", "tests/contract", "tests/ring/test_commit.py", "-k", "mariadb")


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    NOT_FOUND = "not found"


VERDICTS = {True: Verdict.PASSED, False: Verdict.FAILED}


@dataclass(frozen=True, slots=True)
class Line:
    """What the table says of one pair, or of one server."""

    name: str
    verdict: Verdict
    took_s: float = 0.0

    def __str__(self) -> str:
        took = f"{self.took_s:6.0f} s" if self.took_s else ""
        return f"{self.name:32} {self.verdict:10}{took}".rstrip()


@dataclass(frozen=True, slots=True)
class Pair:
    """A Python and a Django, in an environment of their own."""

    python: str
    django: str

    @property
    def directory(self) -> str:
        return f".matrix/{self.python}-{self.django}"

    def __str__(self) -> str:
        return f"Python {self.python}, Django {self.django}"

    def make(self, python: str) -> bool:
        """Bring the environment up to date, as `pyproject.toml` says; returns whether that went well."""
        make = ("make", "--no-print-directory", f"{self.directory}/ready", f"MATRIX_PYTHON={python}")
        return subprocess.run(make, cwd=ROOT, check=False).returncode == 0

    def test(self, selection: Sequence[str], **env: str) -> bool:
        """Run the tests; returns whether they passed. No test at all is not a pass."""
        command = (f"{self.directory}/bin/python", "-m", "pytest", "-q", *selection, *wanted("PYTEST_ARGS"))
        return subprocess.run(command, cwd=ROOT, env=os.environ | env, check=False).returncode == 0


def main(names: Sequence[str]) -> int:
    """Test the pairs named, such as 3.13-6.1, or all; returns 1 if one that was found failed, or if none was found."""
    pairs = [pair for pair in every_pair() if not names or f"{pair.python}-{pair.django}" in names]
    found = {pair: python for pair in pairs if (python := find_python(pair.python))}
    lines = [tested(pair, found) for pair in pairs]
    if found:
        lines += on_each_server(list(found)[-1])
    print("", *lines, sep="\n", flush=True)
    return int(not found or any(line.verdict is Verdict.FAILED for line in lines))


def every_pair() -> Iterator[Pair]:
    """The pairs that can be, from the oldest to the newest."""
    for python in PYTHONS:
        not_after = PYTHONS[: PYTHONS.index(python) + 1]
        yield from (Pair(python, django) for django, oldest in DJANGOS.items() if oldest in not_after)


def find_python(version: str) -> str:
    """An interpreter of this version; "" if there is none."""
    found = subprocess.run(("sh", ".ci/find-python", version), cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip()


def tested(pair: Pair, found: Mapping[Pair, str]) -> Line:
    """The line of one pair, whose tests have then run."""
    if pair not in found:
        return Line(str(pair), Verdict.NOT_FOUND)
    announce(str(pair))
    began = time.monotonic()
    passed = pair.make(found[pair]) and pair.test(QUICK if wanted("FULL") in ([], ["0"]) else ())
    return Line(str(pair), VERDICTS[passed], time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class ServerProgram:
    """A server found here, what runs on it, and the variable that names it to the tests."""

    program: Path
    selection: Sequence[str]
    variable: str

    @property
    def name(self) -> str:
        """What it calls itself, such as `Redis 7.0.15`."""
        said = subprocess.run((self.program, "--version"), capture_output=True, text=True, check=True).stdout
        if mariadb := re.search(r"([0-9.]+)-MariaDB", said):
            return f"MariaDB {mariadb[1]}"
        name, _, version, *_ = said.split()
        return f"{name} {version.removeprefix('v=')}"


def every_server() -> Iterator[ServerProgram]:
    for program in every_redis():
        yield ServerProgram(program, ON_REDIS, "ARDIQ_TEST_REDIS")
    with suppress(ServerMissing):
        yield ServerProgram(find_mariadb(), ON_MARIADB, "ARDIQ_TEST_MARIADB")


def on_each_server(pair: Pair) -> Iterator[Line]:
    """A line for each Redis, Valkey and MariaDB: of those found, and of those which ought to be."""
    servers = {server.name: server for server in every_server()}
    for name, server in servers.items():
        announce(f"{name}, {pair}")
        began = time.monotonic()
        passed = pair.test(server.selection, **{server.variable: str(server.program)})
        yield Line(name, VERDICTS[passed], time.monotonic() - began)
    yield from (Line(kind, Verdict.NOT_FOUND) for kind in SERVERS if not any(n.startswith(kind) for n in servers))


def announce(name: str) -> None:
    print(f"\n== {name}", flush=True)


def wanted(variable: str) -> list[str]:
    """The words of a variable of the environment."""
    return shlex.split(os.environ.get(variable, ""))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
