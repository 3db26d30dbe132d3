"""Dataclasses and pydantic models that were registered travel as themselves; enums and texts of Django as what they
stand for, wherever they are."""

import dataclasses
from collections.abc import Iterator
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest
from django.db.models import IntegerChoices, TextChoices
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, computed_field

from ardiq_django import codec
from ardiq_django.exceptions import PayloadError
from tests.test_codec import shape, values

nested = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


class Colour(Enum):
    RED = "red"
    PAIR = (1, "a")


class Size(IntEnum):
    L = 3


class Mood(StrEnum):
    GLAD = "glad"


class Kind(TextChoices):
    BOOK = "b", gettext_lazy("book")


class Grade(IntegerChoices):
    GOOD = 1, gettext_lazy("good")


@dataclass(frozen=True)
class Address:
    street: str
    lines: tuple[str, ...] = ()
    seen: frozenset[date] = frozenset()


@dataclass(slots=True, kw_only=True)
class Parcel:
    to: Address | None
    weight: Decimal
    more: Any = None
    label: str = field(default="", init=False)


class Line(BaseModel):
    sku: UUID
    amount: Decimal
    tags: set[str] = set()


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    number: int = Field(alias="orderNumber")
    placed: datetime
    lines: list[Line]
    by_day: dict[date, tuple[int, str]] = {}

    @computed_field  # type: ignore[prop-decorator]
    @property
    def total(self) -> Decimal:
        return sum((line.amount for line in self.lines), Decimal())


def order(**fields: Any) -> Order:
    return Order.model_validate(fields, by_name=True)


@pytest.fixture(autouse=True)
def registry() -> Iterator[None]:
    known = dict(codec._classes)
    for cls in (Address, Parcel, Line, Order):
        codec.register(cls)
    yield
    codec._classes.clear()
    codec._classes.update(known)


addresses = st.builds(
    Address, st.text(), st.lists(st.text(), max_size=2).map(tuple), st.frozensets(st.dates(), max_size=2)
)
parcels = st.builds(Parcel, to=st.none() | addresses, weight=st.decimals(allow_nan=False), more=values)
lines = st.builds(Line, sku=st.uuids(), amount=st.decimals(allow_nan=False, allow_infinity=False))
orders = st.builds(
    order,
    number=st.integers(),
    placed=st.datetimes(timezones=st.just(UTC)),
    lines=st.lists(lines, max_size=2),
    by_day=st.dictionaries(st.dates(), st.tuples(st.integers(), st.text()), max_size=2),
)
MEMBERS: dict[Any, Any] = {
    Colour.RED: "red",
    Colour.PAIR: (1, "a"),
    Size.L: 3,
    Mood.GLAD: "glad",
    Kind.BOOK: "b",
    Grade.GOOD: 1,
}
texts = st.text(alphabet="ab<>&ü")
stand_ins = st.one_of(
    st.sampled_from(list(MEMBERS.items())),
    texts.map(lambda text: (mark_safe(text), text)),  # noqa: S308
    st.just((gettext_lazy("Yes"), "Yes")),
)


def wrapped(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A container of things, and the same of what these stand for."""
    pairs = st.lists(inner, max_size=3)
    return st.one_of(
        pairs.map(lambda pairs: ([one for one, _ in pairs], [plain for _, plain in pairs])),
        pairs.map(lambda pairs: (tuple(one for one, _ in pairs), tuple(plain for _, plain in pairs))),
        pairs.map(lambda pairs: ({str(n): one for n, (one, _) in enumerate(pairs)}, _numbered(pairs))),
        pairs.map(lambda pairs: ({(n, "k"): one for n, (one, _) in enumerate(pairs)}, _keyed(pairs))),
    )


def _numbered(pairs: list[Any]) -> Any:
    return {str(n): plain for n, (_, plain) in enumerate(pairs)}


def _keyed(pairs: list[Any]) -> Any:
    return {(n, "k"): plain for n, (_, plain) in enumerate(pairs)}


@given(st.lists(st.one_of(addresses, parcels, orders, lines), max_size=3))
@nested
def test_registered_classes_come_back_as_themselves_wherever_they_are(things: list[Any]) -> None:
    value = {"things": things, 7: tuple(things)}

    back = codec.decode(codec.encode(value))

    assert back == value
    assert [type(thing) for thing in back["things"]] == [type(thing) for thing in things]
    assert [shape(thing.more) for thing in back["things"] if isinstance(thing, Parcel)] == [
        shape(thing.more) for thing in things if isinstance(thing, Parcel)
    ]


@given(st.recursive(stand_ins, wrapped, max_leaves=8))
@nested
def test_members_and_texts_come_back_as_what_they_stand_for(pair: tuple[Any, Any]) -> None:
    value, plain = pair

    back = codec.decode(codec.encode(value))

    assert back == plain
    assert shape(back) == shape(plain)


@given(st.one_of(addresses, parcels, orders))
@nested
def test_the_canonical_form_of_equal_objects_is_equal(thing: Any) -> None:
    copy = codec.decode(codec.encode(thing))

    assert codec.canonical([copy]) == codec.canonical([thing])


def test_a_member_is_a_key_as_its_value() -> None:
    assert codec.decode(codec.encode({Kind.BOOK: {Colour.RED, Size.L}})) == {"b": {"red", 3}}


def test_a_model_whose_field_has_an_alias_comes_back() -> None:
    value = order(number=7, placed=datetime(2026, 1, 2, tzinfo=UTC), lines=[])

    assert codec.decode(codec.encode(value)) == value


def test_a_field_that_came_later_has_its_default() -> None:
    data = codec.encode(Address("Main"))

    @dataclasses.dataclass
    class Wider:
        street: str
        lines: tuple[str, ...]
        seen: frozenset[date]
        zip: str = "1010"

    name = f"{Address.__module__}.{Address.__qualname__}"
    codec.register(Wider)
    codec._classes[name] = codec._classes.pop(f"{Wider.__module__}.{Wider.__qualname__}")

    assert codec.decode(data) == Wider("Main", (), frozenset(), "1010")


def test_a_class_that_is_not_registered_here_cannot_be_decoded() -> None:
    data = codec.encode(Address("Main"))
    codec._classes.clear()

    with pytest.raises(ValueError, match="Address is not registered"):
        codec.decode(data)


def test_what_a_model_does_not_accept_any_more_is_an_error_of_decoding() -> None:
    data = codec.encode(order(number=7, placed=datetime(2026, 1, 2, tzinfo=UTC), lines=[]))

    class Stricter(Order):
        number: int = Field(gt=100)

    name = f"{Order.__module__}.{Order.__qualname__}"
    codec.register(Stricter)
    codec._classes[name] = codec._classes.pop(f"{Stricter.__module__}.{Stricter.__qualname__}")

    with pytest.raises(ValueError, match="not a value of this codec") as caught:
        codec.decode(data)
    assert isinstance(caught.value.__cause__, ValidationError)


def test_only_what_can_be_made_anew_can_be_registered() -> None:
    @dataclass
    class Lossy:
        kept: int
        lost: InitVar[int]

        def __post_init__(self, lost: int) -> None: ...

    with pytest.raises(TypeError, match="neither a dataclass nor a pydantic model"):
        codec.register(int)
    with pytest.raises(TypeError, match="Lossy cannot be made anew from its fields: lost"):
        codec.register(Lossy)


def test_what_was_not_registered_is_refused_with_the_remedy() -> None:
    class Other(Order): ...

    class Secret(BaseModel):
        key: SecretStr

    codec.register(Secret)
    other = Other.model_validate({"number": 1, "placed": datetime(2026, 1, 2), "lines": []}, by_name=True)

    with pytest.raises(PayloadError, match=r"Other cannot be carried: register its class with ardiq_django\.codec"):
        codec.encode([other])
    with pytest.raises(PayloadError, match="SecretStr cannot be carried"):
        codec.encode(Secret(key=SecretStr("x")))
