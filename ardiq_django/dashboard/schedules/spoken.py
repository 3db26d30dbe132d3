"""When a schedule fires, in words: the usual shapes of a cron expression; any other stands for itself."""

import re
from collections.abc import Callable
from typing import Any

from django.utils.dates import MONTHS, WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ardiq_django.dashboard.moments import DAY, HOUR, MINUTE, SECOND, duration

MOST = 4  # of one field; longer lists are not easier to read as words
DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
NUMBERS = re.compile(r"\d{1,2}(,\d{1,2})*")
STEP = re.compile(r"\*/(\d{1,2})")
UNITS: tuple[tuple[int, Callable[[int], str]], ...] = (
    (DAY, lambda n: ngettext("every day", "every %(n)d days", n) % {"n": n}),
    (HOUR, lambda n: ngettext("every hour", "every %(n)d hours", n) % {"n": n}),
    (MINUTE, lambda n: ngettext("every minute", "every %(n)d minutes", n) % {"n": n}),
    (SECOND, lambda n: ngettext("every second", "every %(n)d seconds", n) % {"n": n}),
)


def spoken_interval(every_ms: int) -> str:
    """“every 5 minutes”."""
    for unit, words in UNITS:
        if every_ms and every_ms % unit == 0:
            return words(every_ms // unit)
    return _("every %(long)s") % {"long": duration(every_ms)}


def spoken_cron(spec: str, timezone: str) -> str:
    """“at 03:00 every Monday (Europe/Berlin)”; the expression itself where that would be no easier to read."""
    fields = spec.lower().split()[:6]
    words = _in_words(fields)
    if words and fields[1:] == ["*"] * 4:
        return words  # the same in all time zones
    return _("%(when)s (%(zone)s)") % {"when": words or spec, "zone": timezone}


def _in_words(fields: list[str]) -> str:
    if len(fields) != 5:
        return ""
    minute, hour, day, month, weekday = fields
    time = _time(minute, hour)
    if not time or (day, month, weekday) == ("*", "*", "*"):
        is_daily = NUMBERS.fullmatch(hour) is not None
        return _said(time, spoken_interval(DAY)) if time and is_daily else time
    on = _day(day, month, weekday)
    return _said(time, on) if on else ""


def _said(time: str, on: str) -> str:
    return _("%(time)s %(on)s") % {"time": time, "on": on}


def _time(minute: str, hour: str) -> str:
    minutes, hours = _numbers(minute, 59), _numbers(hour, 23)
    step, hour_step = STEP.fullmatch(minute), STEP.fullmatch(hour)
    if minute == hour == "*":
        return spoken_interval(MINUTE)
    if step and hour == "*" and int(step[1]) > 0 and 60 % int(step[1]) == 0:
        return spoken_interval(int(step[1]) * MINUTE)
    if len(minutes) != 1:
        return ""
    if hours:
        return _("at %(times)s") % {"times": _joined([f"{one:02}:{minutes[0]:02}" for one in hours])}
    hours_apart = 1 if hour == "*" else int(hour_step[1]) if hour_step else 0
    if not hours_apart or 24 % hours_apart:
        return ""
    every = spoken_interval(hours_apart * HOUR)
    return _("%(every)s, at minute %(minute)d") % {"every": every, "minute": minutes[0]} if minutes[0] else every


def _day(day: str, month: str, weekday: str) -> str:
    if (day, month) == ("*", "*"):
        return _weekday(weekday)
    days, months = _numbers(day, 31), _numbers(month, 12)
    if weekday != "*" or not days or (not months and month != "*"):
        return ""
    told = {"days": _joined([str(one) for one in days])}
    if month == "*":
        return ngettext("on day %(days)s of each month", "on days %(days)s of each month", len(days)) % told
    if 0 in months:
        return ""
    of = {"months": _joined([str(MONTHS[one]) for one in months])}
    return ngettext("on day %(days)s of %(months)s", "on days %(days)s of %(months)s", len(days)) % (told | of)


def _weekday(text: str) -> str:
    for number, name in enumerate(DAYS):
        text = text.replace(name, str(number))
    if text == "1-5":
        return _("from Monday to Friday")
    known = list(dict.fromkeys(one % 7 for one in _numbers(text, 7)))
    return _("every %(days)s") % {"days": _joined([str(WEEKDAYS[(one - 1) % 7]) for one in known])} if known else ""


def _numbers(text: str, most: int) -> list[int]:
    """A short list of numbers; nothing for any other shape."""
    if len(text) > 3 * MOST or not NUMBERS.fullmatch(text):
        return []
    found = [int(one) for one in text.split(",")]
    return found if len(found) <= MOST and max(found) <= most else []


def _joined(parts: list[Any]) -> str:
    *head, last = parts
    return _("%(first)s and %(last)s") % {"first": ", ".join(head), "last": last} if head else str(last)
