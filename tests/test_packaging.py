"""The package as users get it: built, installed where nothing else of ours is, and at work there. Needs no network."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "ardiq_django"
TIMEOUT_S = 60
EXAMPLE = {"DJANGO_SETTINGS_MODULE": "code_index.settings", "BROKER": "", "DEBUG": "1"}


def run(*command: str | Path, cwd: Path = ROOT, **env: str) -> str:
    """What a command printed; fails with it if the command fails."""
    process = subprocess.run(
        command,
        cwd=cwd,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert process.returncode == 0, process.stdout
    return process.stdout


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source distribution, unpacked."""
    built, unpacked = tmp_path_factory.mktemp("built"), tmp_path_factory.mktemp("unpacked")
    run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", built)
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as tar:
        tar.extractall(unpacked, filter="data")
    (directory,) = unpacked.iterdir()
    return directory


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, made of nothing but the source distribution, as a release is."""
    built = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built, cwd=sdist)
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of the programs of an environment that has the wheel, and otherwise sees our dependencies only."""
    environment = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", "--without-pip", environment)
    programs = environment / "bin"
    run(sys.executable, "-m", "pip", "--python", programs / "python", "install", "--no-deps", "--no-index", wheel)
    # Of a directory that a .pth file adds, the .pth files are not read: our own editable installation stays unseen.
    (packages,) = environment.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n{sysconfig.get_path('platlib')}\n")
    return programs


@pytest.fixture
def example(tmp_path: Path) -> Path:
    """A copy of the example as it is in a fresh checkout."""
    copy = tmp_path / "example_project"
    shutil.copytree(ROOT / "example_project", copy, ignore=shutil.ignore_patterns("__pycache__", "*.sqlite3*", "*.log"))
    return copy


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(wheel: Path) -> None:
    source = {
        str(path.relative_to(ROOT)) for path in PACKAGE.rglob("*") if path.is_file() and path.suffix not in {".pyc"}
    }

    packed = {name for name in names_in(wheel) if ".dist-info/" not in name}

    assert packed == source


@pytest.mark.parametrize(
    "name",
    [
        "py.typed",
        "brokers/redis/lua/_common.lua",
        "brokers/redis/lua/enqueue.lua",
        "locale/de/LC_MESSAGES/django.mo",
        "management/commands/runworker.py",
        "migrations/0001_initial.py",
        "static/ardiq/jobs.css",
        "templates/admin/ardiq/job/change_list.html",
    ],
)
def test_the_wheel_holds_what_is_not_imported(wheel: Path, name: str) -> None:
    assert f"ardiq_django/{name}" in names_in(wheel)


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    names = {name.partition(".dist-info/")[2]: name for name in names_in(wheel) if ".dist-info/" in name}

    with zipfile.ZipFile(wheel) as archive:
        metadata, programs = (archive.read(names[name]).decode() for name in ("METADATA", "entry_points.txt"))

    assert "licenses/LICENSE" in names
    assert "Requires-Python: >=3.11" in metadata
    assert "The task queue for Django." in metadata  # the README, which the index shows
    assert "ardiqworker = ardiq_django.process.script:main" in programs


def test_the_sdist_can_test_itself(sdist: Path) -> None:
    for name in ("Makefile", ".ci/find-python", "tests/conftest.py", "docs/guide.md", "example_project/manage.py"):
        assert (sdist / name).is_file(), name


def test_the_tables_of_the_installed_package_are_complete(programs: Path, example: Path) -> None:
    run(programs / "python", "manage.py", "makemigrations", "ardiq", "--check", "--dry-run", cwd=example, **EXAMPLE)


def test_the_static_files_of_the_installed_package_are_found(programs: Path, example: Path) -> None:
    said = run(programs / "python", "manage.py", "findstatic", "ardiq/jobs.css", cwd=example, **EXAMPLE)

    assert str(programs.parent) in said


def test_the_installed_package_runs_a_job(programs: Path, example: Path, tmp_path: Path) -> None:
    (library := tmp_path / "library").mkdir()
    (library / "only.py").write_text("class A:\n    def b(self): ...\n")
    surroundings = EXAMPLE | {"LIBRARY": str(library)}
    run(programs / "python", "manage.py", "migrate", cwd=example, **surroundings)

    where = run(
        programs / "python",
        "manage.py",
        "shell",
        "--no-imports",
        "-c",
        "import ardiq_django; from symbols.tasks import start_index; start_index(); print(ardiq_django.__file__)",
        cwd=example,
        **surroundings,
    )
    run(programs / "ardiqworker", "--burst", cwd=example, **surroundings)
    said = run(programs / "python", "manage.py", "check_numbers", cwd=example, **surroundings)

    assert Path(where.strip()).is_relative_to(programs.parent)
    assert "They agree, module by module." in said
