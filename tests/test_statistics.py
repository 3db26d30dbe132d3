"""Figures: how well a histogram tells a time, how they add up, what a bucket has room for."""

import random

import pytest

from ardiq_django.statistics import (
    BEGUN,
    HOUR_MS,
    MINUTE_MS,
    MOST_TASKS,
    RUN,
    SUCCEEDED,
    WAIT,
    Figures,
    Point,
    Resolution,
    by_task,
    by_time,
    cell_of,
    middle_ms,
    named,
    total,
)

ONE = Figures({BEGUN: 1})
YEAR_MS = 365 * 24 * HOUR_MS


def test_every_time_has_a_cell_and_the_cells_are_in_order() -> None:
    times = [*range(5_000), *(round(1.07**power) for power in range(130, 360))]

    cells = [cell_of(ms) for ms in times]

    assert cells == sorted(cells)
    assert set(cells[:5_000]) == set(range(cell_of(4_999) + 1))
    assert (cell_of(-7), cell_of(-10_000)) == (0, 0)
    assert cell_of(100 * YEAR_MS) < WAIT == RUN - WAIT


@pytest.mark.parametrize("ms", [0, 1, 7, 8, 9, 63, 64, 100, 999, 1_000, 12_345, 3_600_000, YEAR_MS])
def test_a_cell_stands_for_its_times_within_an_eighth(ms: int) -> None:
    assert abs(middle_ms(cell_of(ms)) - ms) <= ms / 8


def test_quantiles_are_right_within_an_eighth() -> None:
    drawn = random.Random(3)
    times = sorted(round(drawn.lognormvariate(5, 1.5)) for _ in range(2_001))
    figures = total(Figures({RUN + cell_of(ms): 1, WAIT + cell_of(2 * ms): 1}) for ms in times)

    for share in (0.5, 0.95):
        exact = times[round(share * 2_000)]
        assert figures.run_ms(share) == pytest.approx(exact, rel=0.13)
        assert figures.wait_ms(share) == pytest.approx(2 * exact, rel=0.13)


def test_there_is_no_quantile_of_nothing() -> None:
    assert (ONE.run_ms(0.5), ONE.wait_ms(0.95)) == (None, None)


def test_packed_figures_are_read_again_and_rubbish_is_nothing() -> None:
    told = Figures({BEGUN: 3, SUCCEEDED: 2, RUN + 100: 70_000})

    assert Figures.unpacked(told.packed()) == told
    assert [Figures.unpacked(data) for data in (b"", b"\xc1", b"\xa2no")] == [Figures()] * 3


def test_what_a_bucket_has_no_room_for_is_summed() -> None:
    known = {f"task-{number}" for number in range(MOST_TASKS - 1)} | {""}

    kept = named({"task-3": ONE, "first": ONE, "second": ONE, "third": ONE, "": ONE}, known)

    assert kept == {"task-3": ONE, "first": ONE, "": Figures({BEGUN: 3})}


def test_points_add_up_by_time_and_by_task() -> None:
    points = [Point(60, ONE, "b"), Point(0, ONE, "a"), Point(0, ONE, "b")]

    assert by_time(points) == [Point(0, Figures({BEGUN: 2})), Point(60, ONE)]
    assert by_task(points) == {"a": ONE, "b": Figures({BEGUN: 2})}


def test_a_span_of_time_takes_part_in_buckets_that_are_kept() -> None:
    now = 1_000 * HOUR_MS + 90_000

    recent = Resolution.MINUTE.starts(now - 61_000, now, now)
    ever = Resolution.MINUTE.starts(0, 10 * now, now)

    assert [now - start for start in recent] == [90_000, 30_000]
    assert (now - ever[0], now - ever[-1]) == (8 * HOUR_MS + 30_000, 30_000)
    assert len(ever) == 8 * HOUR_MS // MINUTE_MS + 1
    assert list(Resolution.HOUR.starts(now + HOUR_MS, now + 2 * HOUR_MS, now)) == []
