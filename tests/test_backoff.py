"""The wait before the next attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ardiq_django.backoff import HOUR_MS, Backoff, wait_ms
from ardiq_django.clock import LONGEST_MS

ERROR = ValueError("no")


@pytest.mark.parametrize(
    ("backoff", "tries", "chance", "wait"),
    [
        (0, 1, 0.0, 1_000),
        (0, 3, 0.0, 9_000),
        (2_000, 1, 0.0, 2_000),
        (2_000, 2, 0.0, 8_000),
        (2_000, 2, 0.5, 8_400),
        (1, 1, 0.999, 1),
        (60_000, 8, 0.0, HOUR_MS),
        (60_000, 8, 0.999, HOUR_MS + int(HOUR_MS * 0.0999)),
        ([10, 20], 1, 0.9, 10),
        ([10, 20], 2, 0.9, 20),
        ([10, 20], 99, 0.9, 20),
        ((0,), 1, 0.9, 0),
        (lambda tries, error: tries * 100, 4, 0.9, 400),
        (lambda tries, error: len(str(error)), 1, 0.9, 2),
        (lambda tries, error: -5, 1, 0.9, 0),
        (lambda tries, error: 1.9, 1, 0.9, 1),
        (lambda tries, error: 10**30, 1, 0.9, LONGEST_MS),
    ],
)
def test_the_wait_follows_base_ladder_or_callable(backoff: Backoff, tries: int, chance: float, wait: int) -> None:
    assert wait_ms(backoff, tries, ERROR, chance=lambda: chance) == wait


@given(st.integers(0, 10**9), st.integers(1, 10**6))
def test_no_base_leads_beyond_an_hour_and_its_jitter(base: int, tries: int) -> None:
    assert 0 < wait_ms(base, tries, ERROR) <= HOUR_MS * 1.1
