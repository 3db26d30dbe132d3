"""Where faults are enumerated: on every broker with a wire, or with statements, that could be cut off."""

import logging

import pytest

from tests.contract.conftest import ADDRESSES, on_database
from tests.faults.proof import SHEETS
from tests.programs import wants_mariadb

BROKERS = [
    pytest.param("redis"),
    on_database("sqlite"),
    on_database("postgres", "postgres"),
    *([on_database("mariadb", "mariadb")] if wants_mariadb() else []),
]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """What thousands of lives log, of which nobody could read anything, is not kept; who listens there hears it."""
    monkeypatch.setattr(logging.getLogger("ardiq"), "propagate", False)


@pytest.fixture(params=BROKERS)
def broker(request: pytest.FixtureRequest) -> str:
    """Its name."""
    name: str = request.param
    return name


@pytest.fixture
def address(request: pytest.FixtureRequest, broker: str) -> str:
    """Where it keeps its queues."""
    return ADDRESSES[broker] if broker in ADDRESSES else str(request.getfixturevalue("redis_url"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The tables, at the end."""
    for sheet in SHEETS:
        if sheet.rows:
            terminalreporter.write_line("")
            for line in sheet.lines():
                terminalreporter.write_line(line)
