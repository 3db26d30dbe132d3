"""The fixtures of the fuzz: a queue on each broker, and the table at the end."""

import pytest

from tests.contract.conftest import address
from tests.engine.conftest import house
from tests.fuzz.ledger import LEDGER
from tests.fuzz.sizes import EXAMPLES, SEED

__all__ = ["address", "house"]


@pytest.hookimpl
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was tried, and what became of it."""
    if lines := LEDGER.lines():
        terminalreporter.section(f"fuzz: ARDIQ_FUZZ_EXAMPLES={EXAMPLES} ARDIQ_FUZZ_SEED={SEED}")
        for line in lines:
            terminalreporter.write_line(line)
