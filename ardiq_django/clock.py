"""Time in epoch milliseconds, and ids that sort by it."""

import itertools
import os
import time

LONGEST_MS = 100 * 365 * 86_400_000  # no wait is longer: beyond it no calendar can show the time
_COUNTER_BITS = 22
_counter = itertools.count(int.from_bytes(os.urandom(3)) >> 2)
_tail = ""


def now_ms() -> int:
    """This host's wall clock; brokers have their own, and theirs decides."""
    return time.time_ns() // 1_000_000


def new_id() -> str:
    """A UUIDv7 (RFC 9562 §5.7) as 32 hex digits: milliseconds, then a counter, then this process's random bits."""
    count = next(_counter) & ((1 << _COUNTER_BITS) - 1)
    head = time.time_ns() // 1_000_000 << 16 | 0x7000 | count >> 10
    return "%016x%04x%s" % (head, 0x8000 | (count & 0x3FF) << 4, _tail)  # noqa: UP031 (a third faster than an f-string)


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
