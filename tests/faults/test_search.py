"""Everything that two workers can do to two jobs: no path of so many steps breaks a promise."""

import time

from tests.faults.proof import SEARCH, WHOLE
from tests.faults.search import search

DEPTH, BUDGET_S = (20, 120.0) if WHOLE else (3, 60.0)


def test_no_path_breaks_a_promise() -> None:
    until_s = time.perf_counter() + BUDGET_S

    found = search(DEPTH, lambda: time.perf_counter() > until_s)

    SEARCH.add(found.depth, found.states, found.transitions, len(found.violations))
    assert found.violations[:3] == []
    assert found.depth >= 2
