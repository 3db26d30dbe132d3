"""When schedules fire: cron in time zones and across changes of the clock, intervals, and what was missed."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ardiq_django.exceptions import ConfigError
from ardiq_django.schedule import MAX_CATCH_UP, Misfire, Timetable, due_fires, timetable

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def ms(text: str, zone: str = "UTC") -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))).timestamp() * 1000)


def shown(fires: list[int], zone: str) -> list[str]:
    return [datetime.fromtimestamp(fire / 1000, ZoneInfo(zone)).isoformat(timespec="minutes") for fire in fires]


def after(table: Timetable, start: str, number: int) -> list[str]:
    return shown(list(islice(table.after(ms(start, table.timezone)), number)), table.timezone)


@pytest.mark.parametrize(
    ("spec", "zone", "start", "fires"),
    [
        ("*/15 * * * *", "UTC", "2024-01-01T00:00", ["2024-01-01T00:15+00:00", "2024-01-01T00:30+00:00"]),
        ("0 9 * * 1-5", "UTC", "2024-01-05T09:00", ["2024-01-08T09:00+00:00", "2024-01-09T09:00+00:00"]),
        ("0 0 29 2 *", "UTC", "2024-03-01T00:00", ["2028-02-29T00:00+00:00", "2032-02-29T00:00+00:00"]),
        ("30 8 * * *", "Asia/Kolkata", "2024-01-01T08:30", ["2024-01-02T08:30+05:30", "2024-01-03T08:30+05:30"]),
        ("0 3 * * *", "Europe/Berlin", "2024-03-30T12:00", ["2024-03-31T03:00+02:00", "2024-04-01T03:00+02:00"]),
        # the clock skips 02:00 to 03:00: what it skips fires right after the gap, once
        ("30 2 * * *", "Europe/Berlin", "2024-03-30T12:00", ["2024-03-31T03:00+02:00", "2024-04-01T02:30+02:00"]),
        ("*/20 2 * * *", "Europe/Berlin", "2024-03-30T12:00", ["2024-03-31T03:00+02:00", "2024-04-01T02:00+02:00"]),
        ("*/30 * * * *", "Europe/Berlin", "2024-03-31T01:30", ["2024-03-31T03:00+02:00", "2024-03-31T03:30+02:00"]),
        ("15 2 * * *", "Australia/Lord_Howe", "2024-10-05T12:00", ["2024-10-06T02:30+11:00", "2024-10-07T02:15+11:00"]),
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T13:00", ["2011-12-31T00:00+14:00", "2011-12-31T12:00+14:00"]),
        # the clock repeats 02:00 to 03:00: what it repeats fires the first time only
        ("30 2 * * *", "Europe/Berlin", "2024-10-26T12:00", ["2024-10-27T02:30+02:00", "2024-10-28T02:30+01:00"]),
        ("*/30 * * * *", "Europe/Berlin", "2024-10-27T02:00", ["2024-10-27T02:30+02:00", "2024-10-27T03:00+01:00"]),
        ("30 2 * * *", "Europe/Berlin", "2024-10-27T02:10+01:00", ["2024-10-28T02:30+01:00", "2024-10-29T02:30+01:00"]),
    ],
)
def test_cron_fires_by_the_wall_clock_of_its_zone(spec: str, zone: str, start: str, fires: list[str]) -> None:
    assert after(Timetable(spec=spec, timezone=zone), start, 2) == fires


@pytest.mark.parametrize(
    ("spec", "moment", "last"),
    [
        ("30 2 * * *", "2024-06-02T02:30", "2024-06-02T02:30+02:00"),
        ("30 2 * * *", "2024-06-02T02:29", "2024-06-01T02:30+02:00"),
        ("30 2 * * *", "2024-03-31T03:05", "2024-03-31T03:00+02:00"),
        ("30 2 * * *", "2024-10-27T02:10+01:00", "2024-10-27T02:30+02:00"),
        ("*/30 * * * *", "2024-10-27T02:10+01:00", "2024-10-27T02:30+02:00"),
        ("0 0 29 2 *", "2025-01-01T00:00", "2024-02-29T00:00+01:00"),
    ],
)
def test_the_last_fire_time_is_at_or_before_the_moment(spec: str, moment: str, last: str) -> None:
    table = Timetable(spec=spec, timezone="Europe/Berlin")

    assert shown([table.last(ms(moment, "Europe/Berlin"))], "Europe/Berlin") == [last]


@given(
    st.sampled_from(["*/7 * * * *", "30 2 * * *", "0 */2 * * *", "15 1-3 * * 0", "0 3 31 3 *"]),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.integers(ms("2024-01-01"), ms("2025-01-01")),
)
@settings(deadline=None, max_examples=150)
def test_last_and_after_agree(spec: str, zone: str, moment: int) -> None:
    table = Timetable(spec=spec, timezone=zone)

    last = table.last(moment)
    fires = list(islice(table.after(last - 1), 2))

    assert last <= moment
    assert fires[0] == last
    assert fires[1] > moment


@pytest.mark.parametrize(
    ("every", "moment", "fire"),
    [(10, 0, 10_000), (10, 10_000, 20_000), (10, 10_001, 20_000), (0.25, 1_000, 1_250)],
)
def test_intervals_are_aligned_to_the_epoch(every: float, moment: int, fire: int) -> None:
    table = timetable(None, every, "UTC")

    assert next(table.after(moment)) == fire
    assert table.last(moment) <= moment


def test_an_interval_may_be_a_timedelta() -> None:
    assert timetable(None, timedelta(minutes=5), "UTC").every_ms == 300_000


@pytest.mark.parametrize(
    ("spec", "every", "zone", "sentence"),
    [
        (None, None, "UTC", "exactly one of a cron expression and every="),
        ("* * * * *", 5, "UTC", "exactly one of a cron expression and every="),
        ("* * * *", None, "UTC", r"cron expression '\* \* \* \*' is not valid: give five fields"),
        ("61 * * * *", None, "UTC", "is not valid"),
        ("@hourly", None, "UTC", "is not valid"),
        ("0 0 31 2 *", None, "UTC", "never fires"),
        ("* * * * *", None, "Mars/Base", "timezone='Mars/Base' is not a known time zone"),
        (None, 0, "UTC", "every=0: give seconds"),
        (None, "5", "UTC", "every='5': give seconds"),
        (None, True, "UTC", "every=True: give seconds"),
        (None, float("nan"), "UTC", "every=nan: give seconds"),
        (None, 1e300, "UTC", r"every=1e\+300: give seconds"),
        (None, timedelta(seconds=-1), "UTC", "give seconds, or a timedelta, of at least one millisecond"),
    ],
)
def test_a_wrong_schedule_is_refused_with_a_sentence(spec: str | None, every: Any, zone: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        timetable(spec, every, zone)


EVERY_MINUTE = Timetable(spec="* * * * *")
NOON = ms("2024-01-01T12:00")


@pytest.mark.parametrize(
    ("misfire", "mark", "now", "fires"),
    [
        (Misfire.SKIP, NOON, NOON + MINUTE_MS - 1, []),
        (Misfire.SKIP, NOON, NOON + MINUTE_MS, [1]),
        (Misfire.SKIP, NOON + MINUTE_MS, NOON + MINUTE_MS, []),
        (Misfire.SKIP, NOON, NOON + 10 * MINUTE_MS + 5_000, [10]),
        (Misfire.ONCE, NOON, NOON + 10 * MINUTE_MS + 5_000, [10]),
        (Misfire.ALL, NOON, NOON + 4 * MINUTE_MS + 5_000, [1, 2, 3, 4]),
    ],
)
def test_what_is_due_follows_the_watermark(misfire: Misfire, mark: int, now: int, fires: list[int]) -> None:
    due = due_fires(EVERY_MINUTE, mark, now, misfire, MINUTE_MS)

    assert due == [NOON + minute * MINUTE_MS for minute in fires]


@pytest.mark.parametrize(("misfire", "fires"), [(Misfire.SKIP, []), (Misfire.ONCE, [3]), (Misfire.ALL, [1, 2, 3])])
def test_fire_times_missed_beyond_the_grace_follow_the_policy(misfire: Misfire, fires: list[int]) -> None:
    hourly = Timetable(spec="0 * * * *")

    due = due_fires(hourly, NOON, NOON + 3 * HOUR_MS + 30 * MINUTE_MS, misfire, MINUTE_MS)

    assert due == [NOON + hour * HOUR_MS for hour in fires]


def test_a_missed_fire_time_is_made_up_for_once_only() -> None:
    hourly = Timetable(spec="0 * * * *")
    now = NOON + 3 * HOUR_MS + 30 * MINUTE_MS

    (fire,) = due_fires(hourly, NOON, now, Misfire.ONCE, MINUTE_MS)

    assert due_fires(hourly, fire, now, Misfire.ONCE, MINUTE_MS) == []


def test_a_long_absence_is_caught_up_in_bounded_steps() -> None:
    table = Timetable(every_ms=1_000)

    due = due_fires(table, 0, 10 * MAX_CATCH_UP * 1_000, Misfire.ALL, MINUTE_MS)

    assert due == [1_000 * (step + 1) for step in range(MAX_CATCH_UP)]


def test_a_moment_within_a_second_counts() -> None:
    table = Timetable(spec="0 12 * * *")

    assert next(table.after(NOON - 1)) == NOON
    assert table.last(NOON) == NOON
    assert table.last(NOON - 1) == NOON - 24 * HOUR_MS
    assert datetime.fromtimestamp(next(table.after(NOON)) / 1000, UTC).day == 2
