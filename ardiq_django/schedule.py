"""When a schedule fires: cron expressions and intervals, as pure functions of time."""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice, takewhile
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from croniter.croniter import CroniterError

from ardiq_django.clock import LONGEST_MS
from ardiq_django.exceptions import ConfigError

MAX_CATCH_UP = 1_000
MISSED_AFTER_MS = 60_000


class Misfire(StrEnum):
    """What happens to fire times that passed while nobody looked: none of them, the last one, or all."""

    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Timetable:
    """Either a five-field cron expression in a time zone, or an interval aligned to the epoch."""

    spec: str = ""
    every_ms: int = 0
    timezone: str = "UTC"

    def after(self, moment_ms: int) -> Iterator[int]:
        """The fire times later than `moment_ms`, ascending, without end; times are epoch ms."""
        return self._every(moment_ms) if self.every_ms else self._cron(moment_ms)

    def last(self, moment_ms: int) -> int:
        """The latest fire time at or before `moment_ms`."""
        if self.every_ms:
            return moment_ms - moment_ms % self.every_ms
        here = _local(moment_ms, ZoneInfo(self.timezone))
        # in a repeated hour, the wall-clock times still ahead have fired the first time round
        repeated = _offset(here.replace(fold=0)) - _offset(here)
        start = here.replace(tzinfo=None) + repeated + timedelta(milliseconds=1)
        return next(fire for fire in self._fires(croniter(self.spec, start).all_prev(datetime)) if fire <= moment_ms)

    def _every(self, moment_ms: int) -> Iterator[int]:
        fire = moment_ms - moment_ms % self.every_ms
        while True:
            fire += self.every_ms
            yield fire

    def _cron(self, moment_ms: int) -> Iterator[int]:
        here = _local(moment_ms, ZoneInfo(self.timezone)).replace(tzinfo=None)
        last = moment_ms
        for fire in self._fires(croniter(self.spec, here).all_next(datetime)):
            if fire > last:
                last = fire
                yield fire

    def _fires(self, walls: Iterator[datetime]) -> Iterator[int]:
        # walked on the wall clock, so that each wall-clock time fires once: a skipped one right after the gap
        zone = ZoneInfo(self.timezone)
        return (_instant(wall.replace(tzinfo=zone), zone) for wall in walls)


def _local(moment_ms: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(moment_ms / 1000, zone)


def _offset(moment: datetime) -> timedelta:
    return moment.utcoffset() or timedelta()


def _instant(wall: datetime, zone: ZoneInfo) -> int:
    """Epoch ms of a wall-clock time: its first pass if it comes twice, the end of the gap if it is skipped."""
    second_pass = wall.replace(fold=1)
    if _offset(wall) >= _offset(second_pass):
        return int(wall.timestamp() * 1000)
    around_gap = range(int(second_pass.timestamp()), int(wall.timestamp()) + 1)
    after_gap = _offset(second_pass)
    return 1000 * around_gap[bisect_left(around_gap, True, key=lambda s: _offset(_local(s * 1000, zone)) == after_gap)]


def timetable(spec: str | None, every: timedelta | float | None, timezone: str) -> Timetable:
    """The timetable of `@app.cron(spec)` or `@app.cron(every=…)`; raises `ConfigError` naming what is wrong."""
    if (spec is None) == (every is None):
        raise ConfigError("give exactly one of a cron expression and every=")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ConfigError(f"timezone={timezone!r} is not a known time zone") from error
    if spec is not None:
        return Timetable(spec=_checked(spec), timezone=timezone)
    return Timetable(every_ms=_every_ms(every))


def _every_ms(every: timedelta | float | None) -> int:
    seconds = every.total_seconds() if isinstance(every, timedelta) else every
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    # written so that NaN, which is in no order, is refused
    if seconds is None or not is_number or not 0.001 <= seconds <= LONGEST_MS / 1000:
        raise ConfigError(f"every={every!r}: give seconds, or a timedelta, of at least one millisecond")
    return round(seconds * 1000)


def due_fires(table: Timetable, watermark_ms: int, now_ms: int, misfire: Misfire, grace_ms: int) -> list[int]:
    """The fire times after the watermark that are to be staged now.

    A fire time older than `grace_ms` counts as missed and follows `misfire`; at most 1,000 are caught up at once.
    """
    start = watermark_ms if misfire is Misfire.ALL else max(watermark_ms, now_ms - grace_ms)
    fires = list(takewhile(lambda fire: fire <= now_ms, islice(table.after(start), MAX_CATCH_UP)))
    if misfire is Misfire.ONCE and not fires:
        last = table.last(now_ms)
        return [last] if last > watermark_ms else []
    return fires


def _checked(spec: str) -> str:
    try:
        valid = len(spec.split()) == 5 and croniter.is_valid(spec)
        if valid:
            croniter(spec, datetime(2024, 1, 1, tzinfo=UTC)).get_next(datetime)
    except (CroniterError, ValueError, AttributeError) as error:
        raise ConfigError(f"cron expression {spec!r} never fires: {error}") from error
    if not valid:
        raise ConfigError(f"cron expression {spec!r} is not valid: give five fields, such as '*/5 * * * *'")
    return spec
