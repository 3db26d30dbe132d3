"""What the default codec refuses, and bytes that never were a value of it."""

import contextlib
import dataclasses
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ardiq_django import codec
from ardiq_django.exceptions import PayloadError
from tests.test_codec import values


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (object(), "a value of type builtins.object cannot be carried: pass plain data"),
        (lambda: 1, "a value of type builtins.function cannot be carried"),
        ([1, {"a": open}], "a value of type builtins.builtin_function_or_method cannot be carried"),
        (1j, "a value of type builtins.complex cannot be carried"),
        ("\ud800", "text that is not valid Unicode cannot be carried"),
        pytest.param(10**4400, "the int is too large to be carried", id="huge int"),
    ],
)
def test_what_cannot_be_carried_is_refused_with_a_sentence(value: Any, sentence: str) -> None:
    with pytest.raises(PayloadError, match=sentence):
        codec.encode(value)


def test_an_unregistered_dataclass_is_refused_with_the_remedy() -> None:
    @dataclasses.dataclass
    class Parcel:
        weight: int

    with pytest.raises(PayloadError, match=r"Parcel cannot be carried: register its class with ardiq_django\.codec"):
        codec.encode(Parcel(1))


def nested(wrap: Any, depth: int = 100_000) -> Any:
    value: Any = None
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize("wrap", [lambda v: [v], lambda v: (v,), lambda v: {"a": v}, lambda v: {1: v}])
def test_a_value_nested_too_deeply_is_refused(wrap: Any) -> None:
    value = nested(wrap)

    for write in (codec.encode, codec.canonical):
        with pytest.raises(PayloadError):
            write(value)


WRAPS = {"lists": lambda v: [v], "tuples": lambda v: (v,), "dicts": lambda v: {"a": v}, "odd dicts": lambda v: {1: v}}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_a_value_may_be_nested_sixty_four_deep_and_no_deeper(wrap: Any) -> None:
    allowed = nested(wrap, 64)

    assert codec.decode(codec.encode(allowed)) == allowed
    for write in (codec.encode, lambda value: codec.encode_call((), {"value": value})):
        with pytest.raises(PayloadError, match="nested more than 64 deep"):
            write(nested(wrap, 65))


@pytest.mark.parametrize("of", [list, tuple, set, lambda items: {str(item): item for item in items}])
def test_a_value_may_hold_a_hundred_thousand_others_and_no_more(of: Any) -> None:
    allowed = of(range(99_999))

    assert codec.decode(codec.encode(allowed)) == allowed
    with pytest.raises(PayloadError, match="holds more than 100,000 values"):
        codec.encode([allowed, 1])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"\x91" * 65 + b"\xc0", "nested more than 64 deep"),
        (b"\x81\xa1a" * 65 + b"\xc0", "nested more than 64 deep"),
        (b"\xdd\x00\x01\x86\xa1" + b"\xc0" * 100_001, "holds more than 100,000 values"),
    ],
    ids=["lists", "dicts", "wide"],
)
def test_bytes_of_a_value_that_would_be_refused_are_no_value(data: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        codec.decode(data)


def test_what_a_registered_class_raises_is_a_value_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    class Odd(Exception):
        pass

    @dataclasses.dataclass
    class Picky:
        size: int

        def __post_init__(self) -> None:
            if self.size > 1:
                raise Odd("too large")

    monkeypatch.setattr(codec, "_classes", {})
    codec.register(Picky)
    data = codec.encode(Picky(1)).replace(b"\xa4size\x01", b"\xa4size\x02")

    with pytest.raises(ValueError, match="not a value of this codec: too large"):
        codec.decode(data)


def test_a_value_that_contains_itself_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)

    with pytest.raises(PayloadError, match="contains itself"):
        codec.encode(ring)


@given(st.binary(max_size=60))
@settings(deadline=None, max_examples=500)
def test_hostile_bytes_raise_value_error_or_decode(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        codec.decode(data)


@given(st.integers(0, 15), values)
@settings(deadline=None, max_examples=300)
def test_a_wrong_payload_under_any_tag_raises_value_error_or_decodes(code: int, payload: Any) -> None:
    data = codec._pack(codec._ext(code, codec._tag(payload, sort=False)))

    with contextlib.suppress(ValueError):
        codec.decode(data)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xc1",
        codec.encode(1) + b"\x00",
        codec.encode("text")[:-1],
        b"\xdd\xff\xff\xff\xff",  # announces four billion items
        b"\xc6\xff\xff\xff\xff",
        b"\x91" * 100_000,
        b"\x81\xa1a" * 100_000,
        codec._pack(codec._ext(codec._UUID, "x" * 16)),
        codec._pack(codec._ext(codec._INT, "9" * 5000)),
        codec._pack(codec._ext(codec._DECIMAL, "no")),
        codec._pack(codec._ext(codec._SET, [[1]])),
        codec._pack(codec._ext(codec._MAP, [[[1], 2]])),
        codec._pack(codec._ext(codec._DURATION, [10**18])),
        codec._pack(codec._ext(codec._CLASS, [[], {}])),
        codec._pack(codec._ext(99, None)),
    ],
)
def test_bytes_of_no_value_raise_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a value of this codec"):
        codec.decode(data)


def test_deeply_nested_tags_raise_value_error_and_not_a_crash() -> None:
    data = codec.encode(None)
    for _ in range(sys.getrecursionlimit()):
        data = codec._pack(msgspec.msgpack.Ext(codec._TUPLE, b"\x91" + data))

    with pytest.raises(ValueError, match="not a value of this codec"):
        codec.decode(data)
