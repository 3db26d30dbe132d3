"""Charts: what is drawn, and that it can neither act nor break the page."""

from collections.abc import Callable
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from ardiq_django.dashboard.charts import LEFT, RIGHT, WIDTH, Flag, Moment, Series, Spark, bars, lines, spark

HOURS = [Moment(f"{hour}:00", f"hour {hour}", is_filling=hour == 3) for hour in range(4)]
HOSTILE = '"><script>alert(1)</script>'


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314 (our own)


def heights(svg: str, tone: str) -> list[float]:
    return [float(one.attrib["height"]) for one in parsed(svg).iter("rect") if f"ardiq-{tone}" in one.attrib["class"]]


def test_bars_are_as_high_as_their_counts_and_the_parts_add_up() -> None:
    svg = bars("Jobs", HOURS, [Series("done", "succeeded", [1, 2, 0, 4]), Series("failed", "failed", [1, 0, 0, 0])])

    done, failed = heights(svg, "succeeded"), heights(svg, "failed")
    assert done[1] == pytest.approx(2 * done[0])
    assert done[2] == pytest.approx(4 * done[0])
    assert failed == [done[0]]


def test_a_tip_names_the_moment_and_each_value() -> None:
    svg = bars(
        "Jobs", HOURS, [Series("done", "succeeded", [1000, 0, 0, 0]), Series("failed", "failed", [None, 0, 0, 0])]
    )

    assert parsed(svg).findtext(".//g/rect/title") == "hour 0\ndone: 1,000"


def test_the_bucket_that_still_fills_is_marked() -> None:
    stacks = parsed(bars("Jobs", HOURS, [Series("done", "succeeded", [1, 1, 1, 1])])).findall("g")

    assert ["ardiq-filling" in one.attrib["class"] for one in stacks] == [False, False, False, True]


def test_lines_have_gaps_where_nothing_is_known() -> None:
    svg = lines("Wait", HOURS, [Series("p95", "running", [10, 100, None, 1000])])

    assert len(parsed(svg).findall("polyline")) == 1
    assert len(parsed(svg).findall("circle")) == 1


def test_a_decade_is_as_high_as_the_next_one() -> None:
    svg = lines("Wait", HOURS, [Series("p95", "running", [1, 10, 100, 1000])])

    levels = [float(point.split(",")[1]) for point in parsed(svg).find("polyline").attrib["points"].split()]  # type: ignore[union-attr]
    steps = [before - after for before, after in pairwise(levels)]
    assert steps == pytest.approx([steps[0]] * 3, abs=0.2)


@pytest.mark.parametrize("values", [[], [None, None, None, None], [0, 0, 0, 0], [10**15, 1, 0, 3]])
def test_any_values_can_be_drawn(values: list[float | None]) -> None:
    moments = HOURS[: len(values)]

    parsed(bars("Jobs", moments, [Series("done", "succeeded", values)]))
    parsed(lines("Wait", moments, [Series("p95", "running", values)]))
    parsed(spark("Runs", [Spark(value or 0) for value in values]))


def test_names_cannot_act() -> None:
    moments = [Moment(HOSTILE, HOSTILE)]
    series = [Series(HOSTILE, "succeeded", [1])]

    for svg in (
        bars(HOSTILE, moments, series),
        lines(HOSTILE, moments, series),
        spark(HOSTILE, [Spark(1, "failed", HOSTILE)]),
    ):
        assert "<script" not in svg
        assert not list(parsed(svg).iter("script"))
        assert "style=" not in svg


def flags(svg: str) -> list[ElementTree.Element]:
    return [one for one in parsed(svg).findall("g") if one.attrib["class"] == "ardiq-flag"]


def flag_names(*given: Flag) -> list[str | None]:
    return [one.findtext("text") for one in flags(bars("Jobs", HOURS, [Series("done", "succeeded", [1] * 4)], given))]


@pytest.mark.parametrize("chart", [bars, lines])
def test_a_flag_stands_where_its_moment_is_with_its_title(chart: Callable[..., str]) -> None:
    given = [Flag(0.25, "v1", "v1 (1:00)"), Flag(0.75, "v2", "v2 (3:00)")]

    found = flags(chart("Jobs", HOURS, [Series("done", "succeeded", [1, 1, 1, 1])], given))

    drawn = [one.find("line") for one in found]
    assert all(line is not None and line.attrib["x1"] == line.attrib["x2"] for line in drawn)
    places = [float(line.attrib["x1"]) for line in drawn if line is not None]
    assert places == [LEFT + share * (WIDTH - LEFT - RIGHT) for share in (0.25, 0.75)]
    assert [one.findtext("title") for one in found] == ["v1 (1:00)", "v2 (3:00)"]
    assert [one.findtext("text") for one in found] == ["v1", "v2"]


def test_names_of_flags_stand_beside_them_where_there_is_room_and_the_newest_always_does() -> None:
    assert flag_names(Flag(0.5, "old", ""), Flag(0.501, "older", ""), Flag(0.502, "new", "")) == ["old", None, "new"]
    assert flag_names(Flag(0.97, "version 1", ""), Flag(1.0, "version 2", "")) == [None, "version 2"]
    assert flag_names(Flag(0.5, "x" * 64, "")) == ["x" * 15 + "…"]
    assert flag_names() == []


def test_flags_cannot_act() -> None:
    for share in (0.0, 0.5, 1.0):
        svg = bars("Jobs", HOURS, [Series("done", "succeeded", [1] * 4)], [Flag(share, HOSTILE, HOSTILE)])
        assert "<script" not in svg
        assert flags(svg)[0].findtext("title") == HOSTILE
