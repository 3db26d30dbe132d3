"""What a worker and the processes of its bodies write to each other: each letter one frame of msgpack."""

from collections.abc import Sequence
from typing import Any

import msgspec

from ardiq_django.wire import Aborted, Delivery, Failed, Outcome, Released, Requeued, Retrying, StagedJob, Succeeded

LENGTH_BYTES = 4
OUTCOMES: dict[str, type[Outcome]] = {
    kind.__name__: kind for kind in (Succeeded, Failed, Aborted, Retrying, Requeued, Released)
}


class Welcome(msgspec.Struct, frozen=True, array_like=True):
    """The first letter to a process: what it is to be like."""

    ring: str  # `module:function` of a context manager around all it does; empty for none
    argv: list[str]
    main: str  # the worker's own script


class Call(msgspec.Struct, frozen=True, array_like=True):
    """One attempt to run. Sent only to a process that runs none."""

    delivery: Delivery
    module: str  # which declares the task
    queue: str
    worker_id: str
    ahead_ms: int  # by how much the broker's clock is ahead of this host's
    result_ttl_ms: int
    max_payload_bytes: int


class Began(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The body begins now."""

    start_ms: int


class Progressed(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """How far the body says it is."""

    made: Sequence[Any]


class Refused(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """The body could not begin, and the process ends."""

    reason: str


class Ended(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """How the attempt ended, judged where its error was raised."""

    kind: str
    outcome: msgspec.Raw


class LastWords(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """What the body of an attempt that is ended has logged."""

    log: str


Said = Began | Progressed | Refused | Ended | LastWords
read_welcome = msgspec.msgpack.Decoder(Welcome).decode
read_call = msgspec.msgpack.Decoder(Call).decode
read_said = msgspec.msgpack.Decoder(Said).decode
_encode = msgspec.msgpack.Encoder().encode
_NOBODY = Delivery(StagedJob(0, "", "", "", b"", 0), 0)


def frame(letter: msgspec.Struct) -> bytes:
    """A letter as it goes over the line: its length, then its bytes."""
    data = _encode(letter)
    return len(data).to_bytes(LENGTH_BYTES) + data


def ended(outcome: Outcome) -> Ended:
    """An outcome without its delivery, which the worker has."""
    bare = msgspec.structs.replace(outcome, delivery=_NOBODY)
    return Ended(type(outcome).__name__, msgspec.Raw(_encode(bare)))


def outcome_of(letter: Ended, delivery: Delivery) -> Outcome:
    """The outcome of that delivery."""
    bare = msgspec.msgpack.decode(letter.outcome, type=OUTCOMES[letter.kind])
    return msgspec.structs.replace(bare, delivery=delivery)
