"""Who watches a process, and what he holds against it."""

from collections.abc import Iterable

import pytest

from ardiq_django import Ardiq
from ardiq_django.process.watchdog import Vigil, patience_s


def watched(looks: Iterable[tuple[float, object]]) -> list[bool]:
    """What a vigil of 16 s, which looks once a second, says after each look: seconds since the last, and the sign."""
    now_s = 0.0
    vigil = Vigil(16.0, lambda: now_s)
    said = []
    for passed_s, sign in looks:
        now_s += passed_s
        said.append(vigil.is_over(sign))
    return said


def test_patience_is_over_when_the_same_sign_was_seen_for_so_long() -> None:
    assert watched([(1.0, "a")] * 17) == [False] * 16 + [True]


def test_a_sign_that_changes_begins_it_anew() -> None:
    assert not any(watched([(1.0, "a")] * 16 + [(1.0, "b")] * 16))


def test_where_none_is_expected_none_is_missed() -> None:
    assert not any(watched([(1.0, None)] * 40))


def test_time_in_which_nobody_looked_counts_as_little_as_two_looks() -> None:
    assert watched([(1.0, "a"), (1_000.0, "a"), (1.0, "a")]) == [False] * 3
    assert watched([(1.0, "a"), *[(1_000.0, "a")] * 8]) == [False] * 8 + [True]


@pytest.mark.parametrize(("leases_ms", "patience"), [([60_000], 40.0), ([60_000, 9_000], 6.0), ([300], 2.0)])
def test_it_is_two_thirds_of_the_shortest_lease(leases_ms: list[int], patience: float) -> None:
    apps = [Ardiq("memory://", queue_name=f"q{one}", idle_timeout_ms=one) for one in leases_ms]

    assert patience_s(apps) == pytest.approx(patience)
