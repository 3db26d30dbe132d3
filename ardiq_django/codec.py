"""The default codec: msgpack that is compact, never pickle, and gives back the very types that were passed.

Plain values (None, bool, 64-bit int, float, str, bytes, list, dict with str keys) go straight to msgpack. Anything
else is tagged with an extension code: tuple, set, frozenset, any int, datetime, date, time, timedelta, Decimal, UUID,
dict with other keys, and classes that were registered. An `Enum` member travels, and comes back, as its value.
"""

import dataclasses
import inspect
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from functools import partial
from typing import Any
from uuid import UUID

import msgspec

from ardiq_django.exceptions import PayloadError
from ardiq_django.shape import check_shape, may_be_large

_TUPLE, _SET, _FROZENSET, _INT, _DATETIME, _DATE, _TIME, _DURATION, _DECIMAL, _UUID, _MAP, _CLASS = range(1, 13)
_MAX_64 = (1 << 63) - 1
_SCALARS = frozenset({str, type(None), bool, float, bytes})

_pack = msgspec.msgpack.Encoder().encode
_adapters: list[tuple[type, Callable[[Any], Any]]] = []
_classes: dict[str, tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = {}


def encode(value: Any) -> bytes:
    """Bytes from which `decode` gives back an equal value of the same types.

    Raises `PayloadError` naming the value that cannot be carried, and where it stands.
    """
    try:
        return _shaped(_pack(value if _is_plain(value) else _tag(value, sort=False)), value)
    except RecursionError as error:
        raise PayloadError("the value is nested too deeply, or contains itself") from error
    except UnicodeEncodeError as error:
        raise PayloadError(f"text that is not valid Unicode cannot be carried: {error}") from error


def encode_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bytes:
    """`encode([list(args), kwargs])`, in the shortest way where all of it is plain."""
    try:
        if _are_plain(args) and (not kwargs or _is_plain(kwargs)):
            return _shaped(_pack((args, kwargs)), (args, kwargs))
    except (RecursionError, UnicodeEncodeError):
        pass  # told by the longer way
    return encode([list(args), kwargs])


def canonical(value: Any) -> bytes:
    """Like `encode`, but equal values give equal bytes: dicts are written in the order of their keys."""
    try:
        return _pack(_tag(value, sort=True))
    except (RecursionError, UnicodeEncodeError) as error:
        raise PayloadError(f"the value cannot be carried: {error}") from error


def decode(data: bytes) -> Any:
    """The value that `encode` was given; raises `ValueError` if the bytes are not of this codec."""
    try:
        value = _decoder.decode(data)
        if may_be_large(data):
            check_shape(value)
        return value
    except Exception as error:  # of a registered class's own making, too
        raise ValueError(f"not a value of this codec: {error}") from error


def _shaped(data: bytes, value: Any) -> bytes:
    if may_be_large(data):
        try:
            check_shape(value)
        except ValueError as error:
            raise PayloadError(f"the value cannot be carried: {error}") from error
    return data


def adapt(base: type, lower: Callable[[Any], Any]) -> None:
    """Carry instances of `base` as what `lower` makes of them; it may raise `PayloadError` to refuse."""
    _adapters.append((base, lower))


def register(cls: type) -> type:
    """Let instances of a dataclass or pydantic model travel and come back as themselves; usable as a decorator.

    They are made anew from their fields: a dataclass by its `__init__`, whose arguments must be these; a model by its
    validation, with the models in it. An instance of a subclass is none of the class.
    """
    name = f"{cls.__module__}.{cls.__qualname__}"
    if hasattr(cls, "model_validate"):
        _classes[name] = (cls, lambda value: value.model_dump(round_trip=True), _validation(cls))
    elif dataclasses.is_dataclass(cls):
        _check_fields(cls, name)
        _classes[name] = (cls, _shallow, lambda fields: cls(**fields))
    else:
        raise TypeError(f"{name} is neither a dataclass nor a pydantic model")
    return cls


def _shallow(value: Any) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}


def _validation(model: Any) -> Callable[[Any], Any]:
    # a dump is by the names of the fields, whatever their aliases are; pydantic before 2.11 takes aliases alone
    can_take_names = "by_name" in inspect.signature(model.model_validate).parameters
    return partial(model.model_validate, by_alias=False, by_name=True) if can_take_names else model.model_validate


def _check_fields(cls: Any, name: str) -> None:
    taken, fields = set(inspect.signature(cls).parameters), {one.name for one in dataclasses.fields(cls) if one.init}
    if odd := taken ^ fields:
        raise TypeError(f"{name} cannot be made anew from its fields: {', '.join(sorted(odd))}")


def _is_plain(value: Any) -> bool:
    return _are_plain((value,))


def _are_plain(values: Iterable[Any]) -> bool:
    # written out, because every job that is enqueued comes through here
    for value in values:
        kind = type(value)
        if kind in _SCALARS:
            continue
        if kind is int:
            if not -_MAX_64 <= value <= _MAX_64:
                return False
        elif kind is list:
            if not _are_plain(value):
                return False
        elif kind is not dict or (value and not (_are_texts(value) and _are_plain(value.values()))):
            return False
    return True


def _are_texts(keys: Iterable[Any]) -> bool:
    return all(type(key) is str for key in keys)


def _tag(value: Any, sort: bool) -> Any:
    kind = type(value)
    if kind is list:
        return [_tag(item, sort) for item in value]
    if kind is dict:
        return _tag_dict(value, sort)
    if _is_plain(value):
        return value
    tagger = _TAGGERS.get(kind)
    return tagger(value, sort) if tagger else _tag_other(value, sort)


def _tag_dict(value: dict[Any, Any], sort: bool) -> Any:
    if _are_texts(value):
        items = sorted(value.items()) if sort else value.items()
        return {key: _tag(item, sort) for key, item in items}
    pairs = [[_tag(key, sort), _tag(item, sort)] for key, item in value.items()]
    return _ext(_MAP, sorted(pairs, key=_pack) if sort else pairs)


def _tag_other(value: Any, sort: bool) -> Any:
    registered = _classes.get(f"{type(value).__module__}.{type(value).__qualname__}")
    if registered and registered[0] is type(value):
        return _ext(_CLASS, [f"{type(value).__module__}.{type(value).__qualname__}", _tag(registered[1](value), sort)])
    if isinstance(value, Enum):
        return _tag(value.value, sort)
    for base, lower in _adapters:
        if isinstance(value, base):
            return _tag(lower(value), sort)
    for base, plain in _BASES:
        if isinstance(value, base):
            return _tag(plain(value), sort)
    raise PayloadError(_refusal(value))


# instances of subclasses travel as the base they stand for
_BASES: tuple[tuple[type, Callable[[Any], Any]], ...] = (
    (int, int.__int__),
    (float, float.__float__),
    (str, str.__str__),  # str() would hand back a subclass that says it is text already
    (bytes, bytes),
    (list, list),
    (tuple, tuple),
    (dict, dict),
    (set, set),
    (frozenset, frozenset),
    (datetime, lambda value: datetime.combine(value.date(), value.timetz())),
    (date, lambda value: date(value.year, value.month, value.day)),
    (time, lambda value: datetime.combine(date.min, value).timetz()),
    (timedelta, lambda value: timedelta(value.days, value.seconds, value.microseconds)),
    (Decimal, Decimal),
    (UUID, lambda value: UUID(int=value.int)),
)


def _refusal(value: Any) -> str:
    text = f"a value of type {type(value).__module__}.{type(value).__qualname__} cannot be carried"
    if dataclasses.is_dataclass(value) or hasattr(value, "model_dump"):
        return f"{text}: register its class with ardiq_django.codec.register, or pass its fields"
    return f"{text}: pass plain data (such as an id, a text, a dict) and look the object up inside the task"


def _ext(code: int, payload: Any) -> msgspec.msgpack.Ext:
    return msgspec.msgpack.Ext(code, _pack(payload))


def _big(value: int, _sort: bool) -> msgspec.msgpack.Ext:
    try:
        return _ext(_INT, str(value))
    except ValueError as error:  # Python's own limit of digits
        raise PayloadError(f"the int is too large to be carried: {error}") from error


def _moment(value: datetime | time, code: int) -> msgspec.msgpack.Ext:
    # the offset apart: fromisoformat loses one that is shorter than a second
    return _ext(code, [value.replace(tzinfo=None).isoformat(), value.fold, _microseconds(value.utcoffset())])


def _microseconds(offset: timedelta | None) -> int | None:
    return None if offset is None else offset // timedelta(microseconds=1)


def _zone(offset: int | None) -> timezone | None:
    if offset is None:
        return None
    return timezone(timedelta(microseconds=offset)) if offset else UTC


_TAGGERS: dict[type, Callable[[Any, bool], msgspec.msgpack.Ext]] = {
    int: _big,
    tuple: lambda value, sort: _ext(_TUPLE, [_tag(item, sort) for item in value]),
    set: lambda value, sort: _ext(_SET, sorted((_tag(item, sort) for item in value), key=_pack)),
    frozenset: lambda value, sort: _ext(_FROZENSET, sorted((_tag(item, sort) for item in value), key=_pack)),
    datetime: lambda value, sort: _moment(value, _DATETIME),
    date: lambda value, sort: _ext(_DATE, value.isoformat()),
    time: lambda value, sort: _moment(value, _TIME),
    timedelta: lambda value, sort: _ext(_DURATION, [value.days, value.seconds, value.microseconds]),
    Decimal: lambda value, sort: _ext(_DECIMAL, str(value)),
    UUID: lambda value, sort: _ext(_UUID, value.bytes),
}


def _class(payload: Any) -> Any:
    name, fields = payload
    if name not in _classes:
        raise ValueError(f"class {name} is not registered with ardiq_django.codec.register here")
    return _classes[name][2](fields)


_UNTAGGERS: dict[int, Callable[[Any], Any]] = {
    _INT: int,
    _TUPLE: tuple,
    _SET: set,
    _FROZENSET: frozenset,
    _DATETIME: lambda payload: datetime.fromisoformat(payload[0]).replace(fold=payload[1], tzinfo=_zone(payload[2])),
    _DATE: date.fromisoformat,
    _TIME: lambda payload: time.fromisoformat(payload[0]).replace(fold=payload[1], tzinfo=_zone(payload[2])),
    _DURATION: lambda payload: timedelta(*payload),
    _DECIMAL: Decimal,
    _UUID: lambda payload: UUID(int=int.from_bytes(payload)),
    _MAP: dict,
    _CLASS: _class,
}


def _untag(code: int, data: memoryview) -> Any:
    untag = _UNTAGGERS.get(code)
    if untag is None:
        raise ValueError(f"unknown extension code {code}")
    return untag(_decoder.decode(data))


_decoder = msgspec.msgpack.Decoder(ext_hook=_untag)
