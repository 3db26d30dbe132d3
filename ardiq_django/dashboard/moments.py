"""Milliseconds as Django shows them: moments in the current time zone, and durations in words."""

from datetime import UTC, datetime

from django.conf import settings
from django.utils import timezone
from django.utils.formats import date_format, get_format, number_format
from django.utils.html import format_html
from django.utils.translation import gettext as _

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000


def moment(ms: int) -> datetime | None:
    """The moment in the project's terms (aware where `USE_TZ` is on); None for 0 and for what no calendar has."""
    if not ms:
        return None
    try:
        aware = datetime.fromtimestamp(ms / SECOND, UTC)
        return timezone.localtime(aware) if settings.USE_TZ else datetime.fromtimestamp(ms / SECOND)
    except (ValueError, OverflowError, OSError):
        return None


def clock(at: datetime) -> str:
    """The time of day to the second, in front of it the day unless it is today."""
    time = at.strftime("%H:%M:%S")
    today = timezone.localtime() if settings.USE_TZ else datetime.now()
    if at.date() == today.date():
        return time
    return f"{day_of(at, 'MONTH_DAY_FORMAT' if at.year == today.year else 'DATE_FORMAT')}, {time}"


def day_of(at: datetime, form: str = "MONTH_DAY_FORMAT") -> str:
    """The day in the language's own order, with the month in short."""
    return date_format(at, get_format(form).replace("F", "M").replace("N", "M"))  # N and F are its long ones


def exact(at: datetime) -> str:
    """The moment to the millisecond, with its zone."""
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // SECOND:03} {at:%Z}".rstrip()


def stamp(ms: int, what: str = "") -> str:
    """A moment as an element of a page; `what` happened stands in its title. Empty for 0."""
    at = moment(ms)
    if at is None:
        return ""
    title = f"{what} {exact(at)}".lstrip()
    return format_html('<time datetime="{}" title="{}">{}</time>', at.isoformat(), title, clock(at))


def duration(ms: int) -> str:
    """A length of time in the two units that matter."""
    ms = max(0, ms)
    if ms < SECOND:
        return _("%(n)d ms") % {"n": ms}
    if ms < MINUTE:
        return _("%(n)s s") % {"n": number_format(ms / SECOND, 1 if ms < 10 * SECOND else 0)}
    if ms < HOUR:
        return _("%(n)d min %(rest)d s") % {"n": ms // MINUTE, "rest": ms % MINUTE // SECOND}
    if ms < DAY:
        return _("%(n)d h %(rest)d min") % {"n": ms // HOUR, "rest": ms % HOUR // MINUTE}
    return _("%(n)d d %(rest)d h") % {"n": ms // DAY, "rest": ms % DAY // HOUR}
