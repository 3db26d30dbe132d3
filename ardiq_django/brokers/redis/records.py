"""What travels to the scripts and back, as bytes, and the values these stand for."""

from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any

import msgspec

from ardiq_django.brokers.redis.scripts import Value
from ardiq_django.clock import LATEST_MS
from ardiq_django.config import QueueRules
from ardiq_django.results import ENDED, Attempt
from ardiq_django.stored import FRESH, Tally, deliver
from ardiq_django.wire import (
    Aborted,
    Acceptance,
    Answer,
    Delivery,
    Exchange,
    Failed,
    Outcome,
    Requeued,
    Retrying,
    StagedJob,
    Succeeded,
    Turn,
    end_of,
    pack,
)

ACCEPTANCES = {"c": Acceptance.CREATED, "e": Acceptance.EXISTING, "x": Acceptance.CONFLICT, "f": Acceptance.FULL}
ANSWERS = {"d": Answer.DONE, "a": Answer.ALREADY, "s": Answer.STALE, "g": Answer.GONE}

LINE_END, STAND_IN = "\n", "\x1f"  # of a task's name in the index; lua/_ends.lua does the same
MOST_TRIES = 1_000_000_000

_attempts = msgspec.msgpack.Decoder(list[Attempt]).decode


def place_of(job: StagedJob) -> str:
    """Where a new job belongs: its lane, and its times if it has any."""
    if job.delay_ms or job.schedule_ms or job.expire_ms:
        return f"{job.lane} {job.delay_ms} {job.schedule_ms} {job.expire_ms}"
    return job.lane


def letters(reply: bytes, number: int, words: dict[str, Any], default: str) -> list[Any]:
    """One word for each letter of a reply; an empty reply says the usual of all."""
    return [words[letter] for letter in reply.decode()] if reply else [words[default]] * number


def exchange_args(turn: Exchange, rules: QueueRules) -> list[Value]:
    """A turn as its script reads it: see lua/_turn.lua."""
    line = _Line(turn, rules).of
    rows = [line(outcome) for outcome in turn.outcomes]
    kinds, fences, bodies, finishes, places, times = zip(*rows, strict=True) if rows else [()] * 6
    is_alike = len(set(times)) == 1
    capped = [(lane, turn.caps.get(lane, turn.want)) for lane in turn.lanes]
    head = (turn.epoch, turn.call, min(turn.want, 1_000), turn.held, "".join(kinds), int(is_alike), len(capped))
    columns = (*fences, *bodies, *finishes, *places, *(times[:1] if is_alike else times))
    return [*head, *chain.from_iterable(capped), *columns]


class _Line:
    """An outcome's line of the columns: kind, fence, body, finish ms, place, ms."""

    def __init__(self, turn: Exchange, rules: QueueRules) -> None:
        self._epoch, self._worker_id = turn.epoch, turn.worker_id
        self._fence = f"{turn.epoch}."
        self._lane = rules.lanes[0]
        self._kept_ms = {state: max(1, rules.kept_ms(state)) for state in ENDED}

    def of(self, outcome: Outcome) -> tuple[str, str, bytes, int, str, int]:
        delivery = outcome.delivery
        fence = self._fence + str(delivery.claim)
        match outcome:
            case Succeeded():
                return self._ended("s", fence, outcome, delivery.history)
            case Failed() | Aborted():
                kind = "f" if isinstance(outcome, Failed) else "a"
                return self._ended(kind, fence, outcome, (*delivery.history, outcome.attempt))
            case Retrying(attempt=attempt, delay_ms=delay):
                return "r", fence, pack(attempt), 0, delivery.job.lane, delay
            case Requeued(delay_ms=delay):
                return "q", fence, b"", 0, delivery.job.lane, delay
            case _:
                return "h", fence, b"", 0, delivery.job.lane or self._lane, 0

    def _ended(
        self, kind: str, fence: str, outcome: Succeeded | Failed | Aborted, history: Sequence[Attempt]
    ) -> tuple[str, str, bytes, int, str, int]:
        end = end_of(outcome, self._worker_id, self._epoch)
        job, envelope = outcome.delivery.job, outcome.delivery.envelope
        packed = pack(end)
        kept_ms = self._kept_ms[end.state]
        least_ms = stays_ms(end.ttl_ms, job.unique_for_ms, kept_ms)
        sizes = f"{end.state} {least_ms} {len(history)} {len(packed)} {len(envelope)}|"
        record = sizes.encode() + packed + envelope
        if history:
            record += b"".join(map(pack, history))
        return kind, fence, record, end.finish_ms, member(job, least_ms), max(kept_ms, least_ms)


def member(job: StagedJob, least_ms: int) -> str:
    """What stands for an ended job in its index; a line end in the task's name would be taken for the next part."""
    return f"{job.task.replace(LINE_END, STAND_IN)}\n{least_ms}\n{job.id}"


def head_of(task: str) -> bytes:
    """How the members of a task begin in the index."""
    return f"{task.replace(LINE_END, STAND_IN)}{LINE_END}".encode("utf-8", "surrogateescape")


def stays_ms(ttl_ms: int, unique_for_ms: int, kept_ms: int) -> int:
    """For how long no rule may remove a record: that of its result, or of its id if longer. Below 0 it stays for as
    long as its history is kept."""
    if ttl_ms < 0:
        return unique_for_ms if unique_for_ms > kept_ms else ttl_ms
    return max(ttl_ms, unique_for_ms)


class Indexed(msgspec.Struct, frozen=True, gc=False):
    """One member of an index of ended jobs."""

    job_id: str
    task: str
    ttl_ms: int
    finish_ms: int
    member: bytes

    @classmethod
    def read(cls, member: bytes, score: bytes) -> "Indexed":
        task, ttl_ms, job_id = guarded(_parts_of, member) or ("", 0, text_of(member))
        return cls(job_id, task, ttl_ms, ms_of(score), member)

    def outlasts(self, now_ms: int, kept_ms: int) -> bool:
        """Whether its time is not over: that of the history, or that of its result or id if longer."""
        return now_ms - self.finish_ms < max(kept_ms, self.ttl_ms)

    def record_until_ms(self, now_ms: int) -> int:
        """Until when its record stays once the list is too long for it: 0 not at all, below 0 until its own time."""
        if self.ttl_ms < 0:
            return -1
        until_ms = self.finish_ms + self.ttl_ms
        return until_ms if until_ms > now_ms else 0


def turn_of(reply: list[Any], turn: Exchange) -> tuple[Turn, list[str]]:
    """What an exchange answered, and the ids of jobs it met whose window is over."""
    words, next_due_ms, number, tallied = reply[:4]
    given, tallies = reply[4 : 4 + 2 * number], reply[4 + 2 * number : 4 + 2 * number + tallied]
    claim = turn.call
    ids, envelopes = given[::2], given[1::2]
    if tallied:
        deliveries = [
            deliver(text_of(job_id), envelope, claim, tally_of(tally))
            for job_id, envelope, tally in zip(ids, envelopes, tallies, strict=True)
        ]
    else:
        deliveries = [
            deliver(text_of(job_id), envelope, claim) for job_id, envelope in zip(ids, envelopes, strict=True)
        ]
    lapsed = [text_of(job_id) for job_id in reply[4 + 2 * number + tallied :]]
    return Turn(letters(words, len(turn.outcomes), ANSWERS, "d"), deliveries, next_due_ms), lapsed


def unknown_of(values: Sequence[bytes]) -> list[Delivery]:
    """Deliveries a beat told of, four values each."""
    rows = zip(*[iter(values)] * 4, strict=True)
    return [deliver(text_of(row[0]), row[2], int(row[1]), tally_of(row[3])) for row in rows]


def tally_of(text: bytes | None) -> Tally:
    """`<tries> <crashes> <requeues> <attempts>|` and the attempts, one after the other."""
    if not text:
        return FRESH
    counts, _, attempts = text.partition(b"|")
    tries, crashes, requeues, number = guarded(_counts, counts) or (0, 0, 0, 0)
    return Tally(tries, crashes, requeues, history_of(number, attempts))


def _counts(text: bytes) -> tuple[int, ...]:
    tries, crashes, requeues, number = map(int, text.split())
    if not all(0 <= count <= MOST_TRIES for count in (tries, crashes, requeues, number)):
        raise ValueError(f"{text!r} is no tally")
    return tries, crashes, requeues, number


def _parts_of(member: bytes) -> tuple[str, int, str]:
    task, ttl_ms, job_id = text_of(member).split(LINE_END, 2)
    return task.replace(STAND_IN, LINE_END), min(int(ttl_ms or 0), LATEST_MS), job_id


def history_of(number: int, attempts: bytes) -> Sequence[Attempt]:
    """What cannot be read is left out: the job goes on without it."""
    if not number:
        return ()
    return tuple(guarded(_attempts, b"\xdd" + number.to_bytes(4, "big") + attempts) or ())


def guarded(read: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return read(data)
    except (ValueError, RecursionError, ArithmeticError, LookupError, TypeError):
        return None


def text_of(data: bytes) -> str:
    """The text of an id. What is none, because somebody else wrote it, goes back to the server as it came."""
    return data.decode("utf-8", "surrogateescape")


def ms_of(score: bytes) -> int:
    """The time that a score says; 0 where it says none."""
    ms: int = guarded(lambda said: int(float(said)), score) or 0
    return ms if 0 <= ms <= LATEST_MS else 0


def paired(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def paired_ids(flat: Sequence[bytes]) -> Iterable[tuple[str, bytes]]:
    return zip(decoded(flat[::2]), flat[1::2], strict=True)


def decoded(ids: Iterable[bytes]) -> list[str]:
    return [text_of(job_id) for job_id in ids]
