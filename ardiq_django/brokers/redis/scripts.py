"""The Lua scripts, one for each verb, and the keys of a queue that they are given."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from hiredis import pack_command

from ardiq_django.config import QueueRules
from ardiq_django.results import State

Value = bytes | str | int

# in the order in which lua/_common.lua names them
_FIXED = (
    "jobs", "running", "tries", "due", "retry", "expiry", "aborts", "suspects", "clearers", "paused", "waiting",
    "workers", "cards", "news", "calls", "dead", "cron", "wake",
    "ended:succeeded", "ended:failed", "ended:aborted", "ended:expired",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Script:
    """One script, and the digest under which a server knows it once it was loaded."""

    text: str
    sha: str


_pack: Any = pack_command  # its type names a tuple of one


class Packable(Protocol):
    """What can be sent to a server; `packed` may be asked for again, to send it again."""

    @property
    def script(self) -> Script | None: ...

    def packed(self) -> bytes: ...


@dataclass(slots=True)  # made for every call, and a frozen one takes three times as long
class Command:
    """One command to a server; with `script`, a call of it."""

    args: Sequence[Value]
    script: Script | None = None

    def packed(self) -> bytes:
        try:
            packed: bytes = _pack(tuple(self.args))
        except UnicodeEncodeError:  # an id that is no text, as the server told it
            packed = _pack(tuple([_as_told(value) for value in self.args]))
        return packed


def _as_told(value: Value) -> Value:
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


@cache
def script(name: str) -> Script:
    """The script of a verb, with what it shares with others before it."""
    own = _read(name)
    shared = next((line.split()[2:] for line in own.splitlines() if line.startswith("-- with: ")), [])
    text = "\n".join([_read("_common"), *map(_read, shared), own])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _read(name: str) -> str:
    return (files("ardiq_django.brokers.redis") / "lua" / f"{name}.lua").read_text("utf-8")


class Keyspace:
    """The keys of one queue, all under one hash tag, and the calls of scripts on them."""

    def __init__(self, rules: QueueRules) -> None:
        self.rules = rules
        self.prefix = f"ardiq:{{{rules.queue}}}:"
        self._fixed = tuple(self.prefix + name for name in _FIXED)
        kept = (rules.result_ttl_ms, rules.kept_ms(State.SUCCEEDED), rules.kept_ms(State.FAILED))
        self._rules = (rules.lease_ms, rules.max_crashes, *kept, rules.lanes[0])

    def __getitem__(self, name: str) -> str:
        return self.prefix + name

    def lanes(self, lanes: Iterable[str]) -> list[str]:
        return [f"{self.prefix}lane:{lane}" for lane in lanes]

    def tombs(self, lanes: Iterable[str]) -> list[str]:
        return [f"{self.prefix}tombs:{lane}" for lane in lanes]

    def records(self, ids: Iterable[str]) -> list[str]:
        head = self.prefix + "end:"
        return [head + job_id for job_id in ids]

    def around(self, ids: Iterable[str], lanes: Iterable[str] = ()) -> list[str]:
        """All keys that a change of these jobs may touch: the lanes, and the jobs' records."""
        known = list(dict.fromkeys((*self.rules.lanes, *lanes)))
        return [*self.lanes(known), *self.tombs(known), *self.records(ids)]

    def call(self, name: str, keys: Sequence[str], args: Sequence[Value], skew_ms: int = 0) -> Command:
        """A call of a script: the fixed keys and the queue's rules come before those given."""
        found, number = script(name), len(self._fixed) + len(keys)
        return Command((b"EVALSHA", found.sha, number, *self._fixed, *keys, skew_ms, *self._rules, *args), found)
