"""One shop for all that look at it: a queue on the database, one on Redis, and a worker of both."""

from collections.abc import Iterator

import pytest

from tests.browser.serve import ADMIN, PASSWORD
from tests.browser.site import Site
from tests.browser.viewer import MISSING, Viewer, programs
from tests.services import RedisServer

LANES = ["low", "default", "high"]


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """The browser and its driver."""
    found = programs()
    if found is None:
        pytest.skip(MISSING)
    return found


@pytest.fixture(scope="module")
def opening(chromium: tuple[str, str]) -> Iterator[Site]:
    """The shop while its database is still made: time enough for a browser to start. Its Redis is its own, since its
    worker lives beside other tests."""
    server = RedisServer()
    server.start()
    queues = {"database": "database://default", "redis": server.url}
    declared = {name: {"BROKER": address, "PRIORITIES": LANES} for name, address in queues.items()}
    try:
        with Site(declared) as site:
            yield site
    finally:
        server.stop()


@pytest.fixture(scope="module")
def window(opening: Site, chromium: tuple[str, str]) -> Iterator[Viewer]:
    viewer = Viewer(*chromium, opening.address, opening.home)
    try:
        opening.opened()
        opening.hire("--concurrency", "8")
        viewer.log_in(ADMIN, PASSWORD)
        yield viewer
    finally:
        viewer.close()


@pytest.fixture
def site(opening: Site, window: Viewer) -> Site:
    """The shop, open, with a worker."""
    return opening


@pytest.fixture
def viewer(window: Viewer) -> Iterator[Viewer]:
    """Who is logged in, and whose pages stay as they are. In the end their browser has nothing to complain of."""
    window.resize(1280, 1000)
    window.refresh_every(0)
    yield window
    assert window.trouble() == []


@pytest.fixture(params=["database", "redis"])
def queue(request: pytest.FixtureRequest) -> str:
    """Named after the broker that keeps it."""
    return str(request.param)
