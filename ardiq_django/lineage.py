"""Where a job came from, in two headers of its own, and which jobs an attempt enqueued."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

PARENT = "ardiq-parent"  # the key, <queue>:<job id>, of the job that enqueued this one
BY = "ardiq-by"  # who enqueued it by hand
OWN = frozenset({PARENT, BY})
MOST_CHARS = 200  # of a person's name
MOST_KEYS = 20  # of the jobs that one attempt enqueued
_by: ContextVar[str] = ContextVar("ardiq_by", default="")


@contextmanager
def by_hand(who: str) -> Iterator[None]:
    """What is enqueued inside the block says that this person did it."""
    token = _by.set(who[:MOST_CHARS])
    try:
        yield
    finally:
        _by.reset(token)


def headers_of(parent: str) -> dict[str, Any]:
    """The headers of a job that is enqueued here, by the job of this key if there is one; empty for most."""
    said = {PARENT: parent, BY: _by.get()}
    return {name: text for name, text in said.items() if text}


def is_by_hand() -> bool:
    """Whether a person enqueues what is enqueued here."""
    return bool(_by.get())


def said(headers: Mapping[str, Any], name: str) -> str:
    """What a stored job says of itself under one of our names; "" where that is no text."""
    found = headers.get(name)
    return found if isinstance(found, str) else ""


def others(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    """The headers that hooks and context providers gave it."""
    if OWN.isdisjoint(headers):
        return headers
    return {name: value for name, value in headers.items() if name not in OWN}


class Children:
    """The jobs that one attempt enqueues: the keys of the first, and how many more there were."""

    __slots__ = ("_keys", "_more")

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._more = 0

    def add(self, key: str) -> None:
        if len(self._keys) < MOST_KEYS:
            self._keys.append(key)
        else:
            self._more += 1

    @property
    def told(self) -> tuple[str, ...]:
        """As it is stored: the keys, then `+<number>` where there were more."""
        return (*self._keys, f"+{self._more}") if self._more else tuple(self._keys)


def counted(told: Sequence[str]) -> tuple[list[str], int]:
    """The keys that `Children.told` said, of one attempt or several, and how many more there were."""
    keys = [one for one in told if ":" in one]
    return list(dict.fromkeys(keys)), sum(int(one[1:]) for one in told if one[:1] == "+" and one[1:].isdecimal())
