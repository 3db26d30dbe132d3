"""The example project: its own tests pass, and its demo does what it says, with every broker."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> str:
    """What a command printed; fails with it if the command fails."""
    clean = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=clean | env, capture_output=True, text=True, timeout=120
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def test_the_tests_of_the_example_pass() -> None:
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--ds", "tests.example.settings", "tests/example")


def test_the_migrations_of_the_example_are_complete() -> None:
    run("example_project/manage.py", "makemigrations", "--check", "--dry-run", BROKER="memory")


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example as it is in a fresh checkout."""
    copy = tmp_path / "example_project"
    shutil.copytree(ROOT / "example_project", copy, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3*", "*.log"))
    return copy


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """A small library, two modules of which do not parse."""
    library = tmp_path / "library"
    library.mkdir()
    for number in range(40):
        (library / f"module{number}.py").write_text("import os\n\nLIMIT = 1\n\nclass A:\n    def b(self): ...\n")
    for number in range(2):
        (library / f"broken{number}.py").write_text("print 'from another time'\n")
    return library


@pytest.mark.parametrize("broker", ["memory", "database", "redis"])
def test_the_demo_indexes_a_library_and_the_numbers_agree(
    example: Path, library: Path, broker: str, request: pytest.FixtureRequest
) -> None:
    address = request.getfixturevalue("clean_redis_url") if broker == "redis" else broker

    said = run("demo.py", cwd=example, ONCE="1", BROKER=address, LIBRARY=str(library))

    assert "broken0.py, 3 attempts" in said
    assert "42 modules, 120 symbols, 2 failures" in said
    assert "They agree, module by module." in said


def test_the_demo_can_be_run_again(example: Path, library: Path) -> None:
    run("demo.py", cwd=example, ONCE="1", BROKER="memory", LIBRARY=str(library))
    (library / "module0.py").unlink()

    said = run("demo.py", cwd=example, ONCE="1", BROKER="memory", LIBRARY=str(library))

    assert "They agree, module by module." in said
