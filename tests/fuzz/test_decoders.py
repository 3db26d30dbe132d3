"""Every decoder of what comes from a store takes any bytes: they are a value, or an error of the one kind it tells."""

from collections.abc import Callable
from typing import Any

import pytest

from ardiq_django import codec
from ardiq_django.brokers.redis import records, snapshots
from ardiq_django.plan import planned
from ardiq_django.statistics import Figures
from ardiq_django.stored import deliver
from ardiq_django.wire import unpack_command
from tests.fuzz import samples
from tests.fuzz.hostile import blob, values
from tests.fuzz.ledger import LEDGER
from tests.fuzz.sizes import chance, number

DECODERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "codec": (codec.decode, b""),
    "staged jobs": (lambda data: deliver("id", data, 1), samples.PACKED),
    "commands": (unpack_command, samples.COMMAND),
    "end records": (lambda data: snapshots.ended_snapshot("id", 5, data), samples.RECORD),
    "index of ends": (lambda data: records.Indexed.read(data, data), b"shop.mail\n500\nid"),
    "tallies": (records.tally_of, b"3 0 0 1|" + samples.ATTEMPT),
    "news": (snapshots.news_of, samples.NEWS),
    "cards": (lambda data: snapshots.card_of(b"e", data), samples.CARD),
    "plans": (lambda data: planned(data, 1, 2, 3), samples.PLAN),
    "figures": (Figures.unpacked, samples.FIGURES),
}
REFUSING = ("codec", "commands")  # the others have a stand-in for what cannot be read


@pytest.mark.parametrize("kind", DECODERS)
def test_any_bytes_are_a_value_or_a_value_error(kind: str) -> None:
    decode, valid = DECODERS[kind]
    draw = chance(kind)
    for _ in range(number("decoders") // len(DECODERS)):
        data = blob(draw, valid or values(draw))
        try:
            decode(data)
        except ValueError:
            assert kind in REFUSING
            LEDGER.add(f"decoders: {kind}", "refused at the call")
        else:
            LEDGER.add(f"decoders: {kind}", "decoded fine")
