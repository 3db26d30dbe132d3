"""The default codec gives back what it was given, types and all."""

import math
from collections import Counter, OrderedDict, namedtuple
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from django.utils.functional import lazystr
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import given, settings
from hypothesis import strategies as st

from ardiq_django import codec

BERLIN = ZoneInfo("Europe/Berlin")
offsets = st.timedeltas(timedelta(hours=-23), timedelta(hours=23)).map(timezone)
hashable = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(),
        st.binary(),
        st.datetimes(timezones=st.none() | offsets),
        st.dates(),
        st.times(),
        st.timedeltas(),
        st.decimals(allow_nan=False),
        st.uuids(),
    ),
    lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3),
    max_leaves=5,
)
values = st.recursive(
    hashable,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.sets(hashable, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.dictionaries(hashable, inner, max_size=4)
    ),
    max_leaves=12,
)


def shape(value: Any) -> Any:
    """The types of a value, so that 1 and True, or 1 and 1.0, are told apart."""
    match value:
        case dict():
            return type(value), [(shape(key), shape(item)) for key, item in value.items()]
        case list() | tuple():
            return type(value), [shape(item) for item in value]
        case set() | frozenset():
            return type(value), Counter(type(item) for item in value)
    return type(value)


@given(values)
@settings(deadline=None)
def test_nested_values_come_back_equal_and_of_the_same_types(value: Any) -> None:
    back = codec.decode(codec.encode(value))

    assert back == value
    assert shape(back) == shape(value)


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**63) - 1,
        pytest.param(10**4000, id="big int"),
        math.inf,
        -0.0,
        Decimal("1.10"),
        Decimal("-Infinity"),
        (),
        set(),
        frozenset({1}),
        {1: "a", "1": "b", (1, 2): "c", None: "d"},
        {True: 1},
        timedelta(days=-1, microseconds=1),
        time(23, 59, 59, 999999, fold=1),
        datetime(1, 1, 1),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        date(1, 1, 1),
        uuid4(),
        {"a": [({"b": {1, 2}},)]},
        "\x00 \U0001f600",
        bytes(range(256)),
    ],
)
def test_the_odd_corners_of_each_type_come_back(value: Any) -> None:
    back = codec.decode(codec.encode(value))

    assert back == value
    assert repr(back) == repr(value)


def test_not_a_number_comes_back() -> None:
    number, decimal = codec.decode(codec.encode([math.nan, Decimal("NaN123")]))

    assert math.isnan(number)
    assert str(decimal) == "NaN123"


@pytest.mark.parametrize("fold", [0, 1])
def test_the_repeated_hour_of_a_time_zone_keeps_its_instant(fold: int) -> None:
    moment = datetime(2024, 10, 27, 2, 30, tzinfo=BERLIN, fold=fold)

    back = codec.decode(codec.encode(moment))

    assert back.timestamp() == moment.timestamp()
    assert (back.isoformat(), back.fold) == (moment.isoformat(), fold)


class Colour(Enum):
    RED = "red"


class Size(IntEnum):
    L = 3


class Mood(StrEnum):
    GLAD = "glad"


class Right(Flag):
    READ = 1


class Shouting(str):
    def __str__(self) -> str:
        return self


Point = namedtuple("Point", "x y")


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Colour.RED, "red"),
        (Size.L, 3),
        (Mood.GLAD, "glad"),
        (Right.READ, 1),
        (gettext_lazy("Yes"), "Yes"),
        (lazystr(7), "7"),
        (mark_safe("<b>"), "<b>"),
        (Shouting("hey"), "hey"),
        (Point(1, 2), (1, 2)),
        (OrderedDict(a=1), {"a": 1}),
        (Counter("aab"), {"a": 2, "b": 1}),
        ({Colour.RED: [Size.L]}, {"red": [3]}),
        ({mark_safe("a"): 1}, {"a": 1}),
    ],
)
def test_relatives_of_known_types_travel_as_these(value: Any, plain: Any) -> None:
    back = codec.decode(codec.encode(value))

    assert back == plain
    assert shape(back) == shape(plain)


class Stamp(datetime):
    pass


class Clock(time):
    pass


class Span(timedelta):
    pass


@pytest.mark.parametrize("value", [Stamp(2024, 1, 2, 3, fold=1), Clock(4, 5, fold=1), Span(seconds=1.5)])
def test_subclasses_of_times_travel_as_their_base(value: Any) -> None:
    base = type(value).__mro__[1]

    back = codec.decode(codec.encode(value))

    assert type(back) is base
    assert back == value
    assert getattr(back, "fold", None) == getattr(value, "fold", None)


@given(values)
@settings(deadline=None)
def test_the_canonical_form_does_not_depend_on_order(value: Any) -> None:
    turned = codec.canonical(_turned(value))

    assert turned == codec.canonical(value)
    assert codec.decode(turned) == value


def _turned(value: Any) -> Any:
    match value:
        case dict():
            return {key: _turned(item) for key, item in reversed(value.items())}
        case list() | tuple():
            return type(value)(_turned(item) for item in value)
        case set() | frozenset():
            return type(value)(reversed(list(value)))
    return value


def test_a_uuid_of_any_version_comes_back() -> None:
    for number in (0, 2**128 - 1):
        assert codec.decode(codec.encode(UUID(int=number))) == UUID(int=number)


def test_an_offset_shorter_than_a_second_survives() -> None:
    value = datetime(2000, 1, 1, tzinfo=timezone(timedelta(microseconds=1)))

    assert codec.decode(codec.encode(value)) == value
