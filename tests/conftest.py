"""Fixtures all tests share: the servers, started once a session and only if a test asks for them."""

import os
from collections.abc import Generator, Iterator
from typing import TypeVar

import pytest
from hypothesis import settings

from tests.mariadb import MariaDbServer
from tests.programs import ServerMissing, wants_mariadb
from tests.services import PostgresServer, RedisServer, Server, make_work_dir, work_dir

AnyServer = TypeVar("AnyServer", bound=Server)


# a run of CI says something of the change, not of chance; on a desk each run looks elsewhere
settings.register_profile("ci", derandomize=True)


def pytest_configure() -> None:
    make_work_dir()
    if os.environ.get("CI"):
        settings.load_profile("ci")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Processes that run tests side by side report in UTF-8, which cannot carry everything that some tests log."""
    report = yield
    report.sections = [(name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections]
    return report


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The Redis all tests share; a test that stops or pauses a server makes a `RedisServer()` of its own."""
    server = RedisServer()
    yield from _running(server)


@pytest.fixture(scope="session")
def redis_url(redis_server: RedisServer) -> str:
    return redis_server.url


@pytest.fixture
def clean_redis_url(redis_server: RedisServer) -> str:
    """The URL of a Redis which is empty when the test begins."""
    redis_server.flush()
    return redis_server.url


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The PostgreSQL behind the database alias `postgres`."""
    yield from _running(PostgresServer(work_dir() / "postgres"))


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDbServer]:
    """The MariaDB behind the database alias `mariadb`."""
    yield from _running(MariaDbServer(work_dir() / "mariadb"))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest) -> None:
    """Start each database before its test database is made, if a test of this session is marked to use it."""
    for name in ("postgres", "mariadb") if wants_mariadb() else ("postgres",):
        if any(_uses(item, name) for item in request.session.items):
            request.getfixturevalue(name)


def _uses(item: pytest.Item, name: str) -> bool:
    marker = item.get_closest_marker("django_db")
    databases = marker.kwargs.get("databases") if marker else None
    return databases == "__all__" or name in (databases or ())


def _running(server: AnyServer) -> Iterator[AnyServer]:
    try:
        server.start()
    except ServerMissing as missing:
        pytest.exit(str(missing), returncode=1)
    yield server
    server.stop()
