"""Every decoder of what comes from a store takes any bytes: they are a value, or an error of the one kind it tells."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ardiq_django import codec
from ardiq_django.brokers.redis import records, snapshots
from ardiq_django.plan import PlanOptions, When, pack_plan, plan_of, planned
from ardiq_django.results import Attempt, State
from ardiq_django.snapshot import Snapshot
from ardiq_django.statistics import BEGUN, Figures
from ardiq_django.stored import deliver
from ardiq_django.wire import Command, End, News, Order, StagedJob, WorkerCard, pack, unpack_command
from tests.fuzz.hostile import blob, values
from tests.fuzz.ledger import LEDGER
from tests.fuzz.sizes import chance, number

JOB = StagedJob(1, "id", "shop.mail", "default", b"\x92\x90\x80", 1, labels={"a": [1, "b"]}, headers={"h": {"x": 1}})
END = End(State.FAILED, 1, 0, 1, 2, "w", "e.1", -1, "no", b"\xa2ok")
ATTEMPT = pack(Attempt(1, "failed", 1, 2, "w", "ValueError", "no", "trace", "logs"))
PACKED = pack(JOB)
RECORD = f"failed -1 1 {len(pack(END))} {len(PACKED)}|".encode() + pack(END) + PACKED + ATTEMPT
PLAN = pack_plan(plan_of("p", JOB, When(at_ms=5), PlanOptions(), 1))


def read_wire(data: bytes) -> Any:
    """The codec's own promise is stricter: it raises `ValueError` and nothing else."""
    return unpack_command(data)


def shown(data: bytes) -> Snapshot:
    """What a record says must be fit to be shown: whole numbers a calendar knows are no matter of this reader."""
    found = snapshots.ended_snapshot("id", 5, data)
    assert found.state.ended
    return found


DECODERS: dict[str, tuple[Callable[[bytes], Any], bytes]] = {
    "codec": (codec.decode, b""),
    "staged jobs": (lambda data: deliver("id", data, 1), PACKED),
    "commands": (read_wire, pack(Command(Order.ABORT, "id", 3))),
    "end records": (shown, RECORD),
    "index of ends": (lambda data: records.Indexed.read(data, data), b"shop.mail\n500\nid"),
    "tallies": (records.tally_of, b"3 0 0 1|" + ATTEMPT),
    "news": (snapshots.news_of, pack(News({"id": 5}, {"id": [1, 2, "so far"]}, 7))),
    "cards": (lambda data: snapshots.card_of(b"e", data), pack(WorkerCard("e", "w", "h", 1, 2, 3))),
    "plans": (lambda data: planned(data, 1, 2, 3), PLAN),
    "figures": (Figures.unpacked, Figures({BEGUN: 1}).packed()),
}


@pytest.mark.parametrize("kind", DECODERS)
def test_any_bytes_are_a_value_or_a_value_error(kind: str) -> None:
    decode, valid = DECODERS[kind]
    draw = chance(kind)
    for _ in range(number("decoders") // len(DECODERS)):
        data = blob(draw, valid or values(draw))
        try:
            decode(data)
        except (ValueError, msgspec.MsgspecError):
            LEDGER.add(f"decoders: {kind}", "refused at the call")
        else:
            LEDGER.add(f"decoders: {kind}", "decoded fine")
