"""Bytes and texts that somebody might write who means harm, or whose software is broken."""

import random
from collections.abc import Callable
from typing import Any

import msgspec

from ardiq_django import codec

POLYGLOT = "';\"--><svg/onload=alert(1)>{{7*7}}{%x%}\x1b[31m\r\nERROR job failed id=1\u2028\u202e$(id)`id`%s%n../../\\"
TEXTS = (
    "",
    " ",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\n",
    "\r\n",
    "\x1b[2J",
    "\u202e",
    "\ufeff",
    "é",
    "😀",
    "x" * 5_000,
    POLYGLOT,
    "os.system",
    "__main__",
    "builtins.eval",
    "../../etc/passwd",
    "{q}:jobs",
    "lane:default",
    "end:1",
    "cron:a:1",
    "unique:abc",
    "*",
    "?",
    "[a-z]",
    "%s",
    "{}",
    "{0.__class__}",
    "' OR 1=1 --",
    "a:b:c",
    "a\nb\nc",
    "'",
    '"',
    "\\",
    "/",
    "-1",
    "NaN",
    "None",
    "\u0130",
    "ß" * 100,
    "\x7f",
    "\x85",
)
NUMBERS = (
    0,
    1,
    -1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    -(2**63),
    2**64 - 1,
    0.0,
    -0.0,
    1e308,
    1e-320,
    float("nan"),
    float("inf"),
    float("-inf"),
)
CODES = (*range(-3, 16), 99, 127, -128)
pack = msgspec.msgpack.Encoder().encode
ANNOUNCED = (
    b"",
    b"\xc1",
    b"\xdd\xff\xff\xff\xff",
    b"\xdf\xff\xff\xff\xff",
    b"\xdb\xff\xff\xff\xff",
    b"\xc6\xff\xff\xff\xff",
    b"\xc9\xff\xff\xff\xff\x05",
    b"\xdc\xff\xff",
    b"\xde\xff\xff",
    b"\xd9\xff",
    b"\xa1\xff",
    b"\xa3\xed\xa0\x80",
    b"\xd4\x0c",
    b"\x91" * 3_000,
    b"\x81\xa1a" * 3_000,
    b"\x92\x90\x80\x00",
    b"\x92\x90",
    b"\x92\x90\x90",
    b"\x93\x90\x80\xc0",
    b"\x92\x90\x81\xc0\x01",
    b"\x92\x91\xc0\x80",
    b"\x90",
    b"\x80",
    b"\xc0",
    b"\x00",
    b"\x1f\x8b\x08" + b"\x00" * 50,
    b"\x80\x04\x95\x1d\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94\x8c\x02id\x94\x85\x94R\x94.",
    b'{"py/object": "os.system"}',
    b"cos\nsystem\n(S'id'\ntR.",
)


def tree(chance: random.Random, depth: int = 4) -> Any:
    """A value that msgpack can carry, extensions of any code among it."""
    kind = chance.randrange(9 if depth else 5)
    if kind == 0:
        return chance.choice(NUMBERS)
    if kind == 1:
        return chance.choice(TEXTS).encode("utf-8", "replace").decode()
    if kind == 2:
        return chance.randbytes(chance.randrange(20))
    if kind in (3, 4):
        return chance.choice((None, True, False, chance.getrandbits(63), chance.random()))
    inner = [tree(chance, depth - 1) for _ in range(chance.randrange(4))]
    if kind == 5:
        return inner
    if kind == 6:
        return {chance.choice((str(place), "__class__", "args", "password")): one for place, one in enumerate(inner)}
    return msgspec.msgpack.Ext(
        chance.choice(CODES), chance.choice((pack(inner), chance.randbytes(chance.randrange(20))))
    )


def mutated(chance: random.Random, data: bytes) -> bytes:
    """The bytes with a few of them changed, left out, doubled, or with others in between."""
    found = bytearray(data)
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(found) + 1)
        match chance.randrange(5):
            case 0 if at < len(found):
                found[at] = chance.randrange(256)
            case 1:
                del found[at : at + chance.randrange(1, 9)]
            case 2:
                found[at:at] = chance.randbytes(chance.randrange(1, 9))
            case 3:
                found[at:at] = found[at : at + 16]
            case _ if at < len(found):
                found[at] ^= 1 << chance.randrange(8)
    return bytes(found)


def blob(chance: random.Random, valid: bytes) -> bytes:
    """Bytes that pretend to be what `valid` is, more or less."""
    kinds: tuple[Callable[[], bytes], ...] = (
        lambda: chance.randbytes(chance.randrange(60)),
        lambda: chance.choice(ANNOUNCED),
        lambda: pack(tree(chance)),
        lambda: pack([[tree(chance)], {"to": tree(chance, 2)}]),
        lambda: mutated(chance, valid),
        lambda: mutated(chance, valid),
        lambda: valid + chance.randbytes(3),
    )
    return chance.choice(kinds)()


def word(chance: random.Random) -> str:
    """A text that does not belong where a name, or an id, is asked for; or that just does."""
    if chance.random() < 0.5:
        return chance.choice(TEXTS)
    return "".join(
        chr(chance.choice((chance.randrange(128), chance.randrange(0x300), chance.randrange(0x110000))))
        for _ in range(chance.randrange(1, 40))
    )


def thing(chance: random.Random) -> Any:
    """Any value at all, of the kinds people write into settings."""
    made: tuple[Callable[[], Any], ...] = (
        lambda: word(chance),
        lambda: chance.choice(NUMBERS),
        lambda: None,
        lambda: True,
        lambda: object(),
        lambda: [],
        lambda: {},
        lambda: b"\xff",
        lambda: [thing(chance)],
        lambda: {word(chance): thing(chance)},
        lambda: int,
        lambda: {chance.choice(NUMBERS): thing(chance)},
        lambda: (word(chance), word(chance)),
        lambda: len,
        lambda: 10**400,
    )
    return chance.choice(made)()


def values(chance: random.Random) -> bytes:
    """The bytes of a value that the codec itself has written."""
    plain = [1, "a", b"b", 2.5, None, (1, 2), {3, 4}, {5: 6}, 10**30]
    return codec.encode([[chance.choice(plain) for _ in range(3)], {"to": chance.choice(plain)}])
