"""The example project: its own tests pass, and its demo does what it says, with every broker."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
TIMEOUT_S = 180


def clean_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> str:
    """What a command printed; fails with it if the command fails."""
    return finish(start(*command, cwd=cwd, **env))


def finish(process: "subprocess.Popen[str]") -> str:
    try:
        said, _ = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.terminate()  # the demo takes its children along
        raise
    assert process.returncode == 0, said
    return said


def start(*command: str | Path, cwd: Path = ROOT, **env: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=cwd,
        env=clean_environment() | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_tests_of_the_example_pass() -> None:
    run("-m", "pytest", "-q", "-p", "no:cacheprovider", "--ds", "tests.example.settings", "tests/example")


def test_the_migrations_of_the_example_are_complete() -> None:
    run("example_project/manage.py", "makemigrations", "symbols", "--check", "--dry-run", BROKER="memory")


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


def test_the_demo_survives_the_death_of_its_worker(example: Path, library: Path) -> None:
    for number in range(400):
        (library / f"more{number}.py").write_text("def f(): ...\n")
    log = example / "var" / "worker.log"
    demo = start("demo.py", cwd=example, ONCE="1", BROKER="database", LIBRARY=str(library))

    while not (log.exists() and "task=symbols.tasks.index_module" in log.read_text()):
        assert demo.poll() is None, demo.communicate()
        time.sleep(0.01)
    os.kill(worker_pid(log), signal.SIGKILL)
    said = finish(demo)

    assert "The worker died (SIGKILL), so another is started." in said
    assert "They agree, module by module." in said


def worker_pid(log: Path) -> int:
    found = re.search(r"worker began .* worker=\S+-(\d+)-[0-9a-f]+ ", log.read_text())
    assert found
    return int(found[1])
