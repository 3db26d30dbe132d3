"""Time in epoch milliseconds, and ids that sort by it."""

import itertools
import os
import time

LONGEST_MS = 100 * 365 * 86_400_000  # no wait is longer: beyond it no calendar can show the time
LATEST_MS = 2 * LONGEST_MS  # no time that anybody plans is later
_ENDINGS = tuple(f"{0x8000 | low << 4:04x}" for low in range(1 << 10))
_counter = itertools.count(int.from_bytes(os.urandom(3)) >> 2)
_tail = ""
_head = (-1, -1, "")  # what ids of one millisecond have in common, a thousand at a time


def now_ms() -> int:
    """This host's wall clock; brokers have their own, and theirs decides."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7) as 32 hex digits: milliseconds, then a counter, then this process's random bits."""
    global _head
    count, now = next(_counter), time.time_ns() // 1_000_000
    high = count >> 10 & 0xFFF
    known_ms, known_high, head = _head
    if now != known_ms or high != known_high:
        head = f"{now:012x}7{high:03x}"
        _head = (now, high, head)
    return head + _ENDINGS[count & 0x3FF] + _tail


def new_epoch() -> str:
    """A fresh random id for one registration of a worker."""
    return os.urandom(8).hex()


def _reseed() -> None:
    # a forked child must not continue its parent's ids
    global _tail, _counter
    _tail = os.urandom(6).hex()
    _counter = itertools.count(int.from_bytes(os.urandom(3)) >> 2)


_reseed()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reseed)
