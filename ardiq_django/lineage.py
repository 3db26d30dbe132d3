"""Where a job came from, in two headers of its own: the job that enqueued it, and who did so by hand."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from ardiq_django.context import task_here

PARENT = "ardiq-parent"  # <queue>:<job id>
BY = "ardiq-by"
OWN = frozenset({PARENT, BY})
MOST_CHARS = 200  # of a person's name
_by: ContextVar[str] = ContextVar("ardiq_by", default="")


@contextmanager
def by_hand(who: str) -> Iterator[None]:
    """What is enqueued inside the block says that this person did it."""
    token = _by.set(who[:MOST_CHARS])
    try:
        yield
    finally:
        _by.reset(token)


def lineage() -> dict[str, Any]:
    """The headers that a job enqueued here is given; the same empty dictionary for most."""
    context, who = task_here(), _by.get()
    if context is None and not who:
        return NONE
    parent = {PARENT: f"{context.queue}:{context.task_id}"} if context else {}
    return {**parent, BY: who} if who else parent


def said(headers: Mapping[str, Any], name: str) -> str:
    """What a stored job says of itself under one of our names; "" where that is no text."""
    found = headers.get(name)
    return found if isinstance(found, str) else ""


def others(headers: Mapping[str, Any]) -> dict[str, Any]:
    """The headers that hooks and context providers gave it."""
    return {name: value for name, value in headers.items() if name not in OWN}


NONE: dict[str, Any] = {}
