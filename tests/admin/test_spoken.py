"""When a schedule fires, as its reader is told."""

import time

import pytest

from ardiq_django.dashboard.schedules.spoken import spoken_cron, spoken_interval

ZONE = "Europe/Berlin"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("* * * * *", "every minute"),
        ("*/5 * * * *", "every 5 minutes"),
        ("0 * * * *", "every hour"),
        ("15 * * * *", "every hour, at minute 15"),
        ("5 */6 * * *", "every 6 hours, at minute 5 (Europe/Berlin)"),
        ("0 3 * * *", "at 03:00 every day (Europe/Berlin)"),
        ("30 9,17 * * *", "at 09:30 and 17:30 every day (Europe/Berlin)"),
        ("0 3 * * 1", "at 03:00 every Monday (Europe/Berlin)"),
        ("0 3 * * 7", "at 03:00 every Sunday (Europe/Berlin)"),
        ("0 3 * * MON,thu", "at 03:00 every Monday and Thursday (Europe/Berlin)"),
        ("0 3 * * mon-fri", "at 03:00 from Monday to Friday (Europe/Berlin)"),
        ("0 3 1,15 * *", "at 03:00 on days 1 and 15 of each month (Europe/Berlin)"),
        ("0 3 1 1,7 *", "at 03:00 on day 1 of January and July (Europe/Berlin)"),
        ("*/5 * * * 1", "every 5 minutes every Monday (Europe/Berlin)"),
    ],
)
def test_the_usual_shapes_are_told_in_words(spec: str, words: str) -> None:
    assert spoken_cron(spec, ZONE) == words


@pytest.mark.parametrize(
    "spec",
    ["*/7 * * * *", "0 3 1 * 1", "*/5 9-17 * * *", "*/0 * * * *", "99 * * * *", "0 3 * 0 *", "0 3 0-6/2 * *", "", "x"],
)
def test_any_other_shape_stands_for_itself(spec: str) -> None:
    assert spoken_cron(spec, ZONE) == f"{spec} ({ZONE})"


def test_an_expression_made_to_be_long_costs_nothing() -> None:
    specs = [",".join(["1"] * 500_000) + " 3 * * *", "0 " * 500_000, "0 3 * * " + "mon," * 500_000]
    began = time.perf_counter()

    for spec in specs:
        spoken_cron(spec, ZONE)

    assert time.perf_counter() - began < 2


@pytest.mark.parametrize(
    ("every_ms", "words"),
    [
        (1_000, "every second"),
        (90_000, "every 90 seconds"),
        (300_000, "every 5 minutes"),
        (86_400_000, "every day"),
        (604_800_000, "every 7 days"),
        (1_500, "every 1.5 s"),
    ],
)
def test_an_interval_is_told_in_its_largest_unit(every_ms: int, words: str) -> None:
    assert spoken_interval(every_ms) == words
