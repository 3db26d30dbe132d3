"""A25: expressions that fire once a year, or once in four, cost about as much as one that fires every minute."""

import sys
from types import FrameType
from typing import Any

import pytest

from ardiq_django.schedule import Misfire, due_fires, timetable

NOW_MS = 1_790_000_000_000  # September 2026
MOST_TIMES = 10


def steps(spec: str, zone: str) -> int:
    """How many lines of Python run until it is known what is due, and when the next fire time is."""
    table, lines = timetable(spec, None, zone), 0

    def count(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal lines
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        due_fires(table, NOW_MS - 3_600_000, NOW_MS, Misfire.ONCE, 60_000)
        next(table.after(NOW_MS))
    finally:
        sys.settrace(before)
    return lines


@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
@pytest.mark.parametrize("spec", ["0 0 1 1 *", "0 0 29 2 *", "0 0 31 12 0", "30 2 29 2 1", "59 23 31 1-12 *"])
def test_a_rare_expression_costs_about_as_much_as_a_frequent_one(spec: str, zone: str) -> None:
    assert steps(spec, zone) < MOST_TIMES * steps("* * * * *", zone)
