"""Charts drawn on the server as SVG: no script and no inline style; classes colour them, attributes place them."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from django.utils.formats import number_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from ardiq_django.dashboard.moments import duration

WIDTH, HEIGHT = 640, 180
LEFT, RIGHT, TOP, BOTTOM = 54, 6, 10, 22
FLOOR = HEIGHT - BOTTOM
MOST_LABELS = 8
DECADES = {
    1: _("1 ms"), 10: _("10 ms"), 100: _("100 ms"), 1_000: _("1 s"), 10_000: _("10 s"), 60_000: _("1 min"),
    600_000: _("10 min"), 3_600_000: _("1 h"), 36_000_000: _("10 h"), 86_400_000: _("1 d"), 864_000_000: _("10 d"),
}  # fmt: skip
DECADES_MS = tuple(DECADES)
SPARK_HEIGHT, SPARK_STEP = 24, 5
FLAG_LETTERS, LETTER = 16, 6  # of a name as many as are shown, each so wide at most, or nearly

CHART = '<svg class="ardiq-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>'
TICK = (
    '<line class="ardiq-grid" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/><text class="ardiq-tick" x="{3}" y="{4}">{5}</text>'
)
LABEL = '<text class="ardiq-label" x="{}" y="{}">{}</text>'
BAR = '<rect class="ardiq-fill ardiq-{}" x="{}" y="{}" width="{}" height="{}"/>'
REACH = '<rect class="ardiq-reach" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'
STACK = '<g class="ardiq-stack{}">{}' + REACH + "</g>"
LINE = '<polyline class="ardiq-line ardiq-{}" points="{}"/>'
DOT = '<circle class="ardiq-fill ardiq-{}" cx="{}" cy="{}" r="1.6"/>'
FLAG = (
    '<g class="ardiq-flag"><title>{0}</title><rect class="ardiq-reach" x="{1}" y="0" width="9" height="{2}"/>'
    '<line x1="{3}" x2="{3}" y1="{2}" y2="{4}"/>{5}</g>'
)
FLAG_NAME = '<text class="ardiq-flag-name{}" x="{}" y="8">{}</text>'
SPARK = '<svg class="ardiq-spark" width="{0}" height="{1}" viewBox="0 0 {0} {1}" role="img" aria-label="{2}">{3}</svg>'
SPARK_BAR = '<rect class="ardiq-fill ardiq-{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>'

Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Moment:
    """One step of the time axis: what stands under it, its full name for tips, and whether its bucket still fills."""

    label: str
    title: str
    is_filling: bool = False


@dataclass(frozen=True, slots=True)
class Series:
    """One line, or one part of each bar, from the left; None where nothing is known. `tone` is a state's word."""

    name: str
    tone: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Flag:
    """A line across the chart, after this share of its width. Where there is room its name stands on it."""

    share: float
    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Spark:
    """One small bar: its value, its tone, and the tip that it shows."""

    value: float
    tone: str = "neutral"
    title: str = ""


def bars(name: str, moments: Sequence[Moment], parts: Sequence[Series], flags: Sequence[Flag] = ()) -> SafeString:
    """Stacked bars, one for each moment, over an axis of counts."""
    sums = [sum(part.values[place] or 0 for part in parts) for place in range(len(moments))]
    most = _nice(max(sums, default=0))

    def height(value: float) -> float:
        return (FLOOR - TOP) * value / most

    ticks = _ticks(((value, _number(value)) for value in (0, most / 2, most)), lambda value: FLOOR - height(value))
    return _chart(name, ticks, moments, _stacks(moments, parts, height, _number) + _flags(flags))


def lines(name: str, moments: Sequence[Moment], drawn: Sequence[Series], flags: Sequence[Flag] = ()) -> SafeString:
    """Lines of milliseconds over time, on a logarithmic axis, with gaps where nothing is known."""
    known = [value for one in drawn for value in one.values if value is not None]
    decades = _decades(min(known, default=1), max(known, default=1))
    low, high = math.log(decades[0]), math.log(decades[-1])

    def level(value: float) -> float:
        return FLOOR - (FLOOR - TOP) * (math.log(max(value, decades[0])) - low) / (high - low)

    ticks = _ticks(((value, str(DECADES[value])) for value in decades), level)
    shapes = format_html_join("", "{}", ((shape,) for one in drawn for shape in _line(one, len(moments), level)))
    shapes += _stacks(moments, drawn, None, lambda value: duration(round(value)))
    return _chart(name, ticks, moments, shapes + _flags(flags))


def spark(name: str, values: Sequence[Spark]) -> SafeString:
    """A row of small bars without axes."""
    most = max((one.value for one in values), default=0) or 1
    heights = [max(1, round(one.value / most * SPARK_HEIGHT)) for one in values]
    shapes = format_html_join(
        "",
        SPARK_BAR,
        (
            (one.tone, place * SPARK_STEP, SPARK_HEIGHT - height, SPARK_STEP - 1, height, one.title)
            for place, (one, height) in enumerate(zip(values, heights, strict=True))
        ),
    )
    return format_html(SPARK, max(1, len(values)) * SPARK_STEP, SPARK_HEIGHT, name, shapes)


def _chart(name: str, ticks: SafeString, moments: Sequence[Moment], shapes: SafeString) -> SafeString:
    return format_html(CHART, WIDTH, HEIGHT, name, ticks, _labels(moments), shapes)


def _ticks(values: Iterable[tuple[float, str]], level: Scale) -> SafeString:
    rows = ((LEFT, WIDTH - RIGHT, y := round(level(value), 1), LEFT - 6, y + 4, text) for value, text in values)
    return format_html_join("", TICK, rows)


def _labels(moments: Sequence[Moment]) -> SafeString:
    every = max(1, math.ceil(len(moments) / MOST_LABELS))
    width = _step(len(moments))
    shown = [(place, moment) for place, moment in enumerate(moments) if place % every == 0]
    rows = ((round(LEFT + (place + 0.5) * width, 1), HEIGHT - 6, moment.label) for place, moment in shown)
    return format_html_join("", LABEL, rows)


def _stacks(
    moments: Sequence[Moment], parts: Sequence[Series], height: Scale | None, word: Callable[[float], str]
) -> SafeString:
    """For each moment its bars, if they are drawn, under an invisible one as high as the chart, which has the tip."""
    width = _step(len(moments))
    rows = []
    for place, moment in enumerate(moments):
        x = round(LEFT + place * width, 1)
        inner = _stack(parts, place, x, round(width * 0.8, 1), height) if height else SafeString("")
        told = [f"{part.name}: {word(value)}" for part in parts if (value := part.values[place]) is not None]
        filling = " ardiq-filling" if moment.is_filling else ""
        rows.append((filling, inner, x, TOP, round(width, 1), FLOOR - TOP, "\n".join([moment.title, *told])))
    return format_html_join("", STACK, rows)


def _stack(parts: Sequence[Series], place: int, x: float, width: float, height: Scale) -> SafeString:
    top, rows = float(FLOOR), []
    for part in parts:
        if value := part.values[place]:
            high = height(value)
            top -= high
            rows.append((part.tone, x, round(top, 1), width, round(high, 1)))
    return format_html_join("", BAR, rows)


def _line(one: Series, number: int, level: Scale) -> list[SafeString]:
    """A polyline for each run of known values; a value between two gaps is a dot."""
    width, shapes, run = _step(number), list[SafeString](), list[tuple[float, float]]()
    for place, value in enumerate([*one.values, None]):
        if value is not None:
            run.append((round(LEFT + (place + 0.5) * width, 1), round(level(value), 1)))
        elif run:
            shapes.append(
                format_html(LINE, one.tone, " ".join(f"{x},{y}" for x, y in run))
                if len(run) > 1
                else format_html(DOT, one.tone, *run[0])
            )
            run = []
    return shapes


def _flags(flags: Sequence[Flag]) -> SafeString:
    """From the right, where the newest are, whose names have the first choice of the room on either side."""
    flags = sorted(flags, key=lambda flag: -flag.share)
    places = [round(LEFT + flag.share * (WIDTH - LEFT - RIGHT), 1) for flag in flags]
    shapes, end = list[SafeString](), float(WIDTH)
    for flag, x, before in zip(flags, places, [*places, 0.0][1:], strict=True):
        width = LETTER * min(len(flag.name), FLAG_LETTERS)
        fits = x + width <= end
        fits_before = not fits and x <= end and (x - width > before or end == WIDTH)
        name = _flag_name(flag.name, x, is_before=fits_before) if fits or fits_before else ""
        shapes.append(format_html(FLAG, flag.title, round(x - 4.5, 1), TOP, x, FLOOR, name))
        end = min(end, x - width if fits_before else x)
    return format_html_join("", "{}", ((shape,) for shape in reversed(shapes)))


def _flag_name(name: str, x: float, *, is_before: bool) -> SafeString:
    shown = name if len(name) <= FLAG_LETTERS else f"{name[: FLAG_LETTERS - 1]}…"
    return format_html(FLAG_NAME, " ardiq-flag-end" if is_before else "", x, shown)


def _step(number: int) -> float:
    return (WIDTH - LEFT - RIGHT) / max(1, number)


def _nice(value: float) -> float:
    """The first even number of round figures that is no smaller."""
    if value <= 2:
        return 2
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 6, 8, 10) if step * power >= value)


def _decades(low: float, high: float) -> list[int]:
    """The marks of a logarithmic axis from just below the lowest value to just above the highest."""
    first = max((place for place, mark in enumerate(DECADES_MS) if mark <= low), default=0)
    last = next((place for place, mark in enumerate(DECADES_MS) if mark >= high), len(DECADES_MS) - 1)
    return list(DECADES_MS[first : max(last, first + 1) + 1]) if first + 1 < len(DECADES_MS) else list(DECADES_MS[-2:])


def _number(value: float) -> str:
    return str(number_format(value, 0 if value == int(value) else 1, use_l10n=True, force_grouping=True))
