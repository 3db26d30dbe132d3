"""What is stored in Redis and what travels to its scripts, as bytes, and the values these stand for."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import msgspec

from ardiq_django.brokers.redis.scripts import Value
from ardiq_django.config import QueueRules
from ardiq_django.results import ENDED, Attempt, State
from ardiq_django.wire import (
    FRESH,
    Aborted,
    Acceptance,
    Answer,
    Delivery,
    End,
    Exchange,
    Failed,
    News,
    Outcome,
    Requeued,
    Retrying,
    Snapshot,
    StagedJob,
    Succeeded,
    Tally,
    Turn,
    WorkerCard,
    WorkerRow,
    deliver,
    end_of,
    pack,
)

ACCEPTANCES = {"c": Acceptance.CREATED, "e": Acceptance.EXISTING, "x": Acceptance.CONFLICT}
ANSWERS = {"d": Answer.DONE, "a": Answer.ALREADY, "s": Answer.STALE, "g": Answer.GONE}
ROW = 6  # values of one job in the answer of rows.lua
HOLDER = 4  # values of one worker there

_end = msgspec.msgpack.Decoder(End).decode
_attempts = msgspec.msgpack.Decoder(list[Attempt]).decode
unpack_card = msgspec.msgpack.Decoder(WorkerCard).decode
unpack_news = msgspec.msgpack.Decoder(News).decode


def place_of(job: StagedJob) -> str:
    """Where a new job belongs: its lane, and its times if it has any."""
    if job.delay_ms or job.schedule_ms or job.expire_ms:
        return f"{job.lane} {job.delay_ms} {job.schedule_ms} {job.expire_ms}"
    return job.lane


def letters(reply: bytes, number: int, words: dict[str, Any], default: str) -> list[Any]:
    """One word for each letter of a reply; an empty reply says the usual of all."""
    return [words[letter] for letter in reply.decode()] if reply else [words[default]] * number


def exchange_args(turn: Exchange, rules: QueueRules) -> list[Value]:
    """A turn as its script reads it: see lua/exchange.lua."""
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
        job, envelope, ttl_ms = outcome.delivery.job, outcome.delivery.envelope, end.ttl_ms
        packed = pack(end)
        sizes = f"{end.state} {ttl_ms} {len(history)} {len(packed)} {len(envelope)}|"
        record = sizes.encode() + packed + envelope
        if history:
            record += b"".join(map(pack, history))
        kept_ms = max(self._kept_ms[end.state], ttl_ms)
        return kind, fence, record, end.finish_ms, f"{job.task}\n{ttl_ms}\n{job.id}", kept_ms


@dataclass(frozen=True, slots=True)
class Indexed:
    """One member of an index of ended jobs."""

    job_id: str
    task: str
    ttl_ms: int
    finish_ms: int
    member: bytes

    @classmethod
    def read(cls, member: bytes, score: bytes) -> "Indexed":
        task, ttl_ms, job_id = member.decode().split("\n", 2)
        return cls(job_id, task, int(ttl_ms or 0), int(float(score)), member)

    def outlasts(self, now_ms: int, kept_ms: int) -> bool:
        """Whether its time is not over: that of the history, or that of its result if longer."""
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
            deliver(job_id.decode(), envelope, claim, tally_of(tally))
            for job_id, envelope, tally in zip(ids, envelopes, tallies, strict=True)
        ]
    else:
        deliveries = [
            deliver(job_id.decode(), envelope, claim) for job_id, envelope in zip(ids, envelopes, strict=True)
        ]
    lapsed = [job_id.decode() for job_id in reply[4 + 2 * number + tallied :]]
    return Turn(letters(words, len(turn.outcomes), ANSWERS, "d"), deliveries, next_due_ms), lapsed


def unknown_of(values: Sequence[bytes]) -> list[Delivery]:
    """Deliveries a beat told of, four values each."""
    rows = zip(*[iter(values)] * 4, strict=True)
    return [deliver(row[0].decode(), row[2], int(row[1]), tally_of(row[3])) for row in rows]


def tally_of(text: bytes | None) -> Tally:
    """`<tries> <crashes> <requeues> <attempts>|` and the attempts, one after the other."""
    if not text:
        return FRESH
    counts, _, attempts = text.partition(b"|")
    tries, crashes, requeues, number = _guarded(_counts, counts) or (0, 0, 0, 0)
    return Tally(tries, crashes, requeues, _history(number, attempts))


def _counts(text: bytes) -> tuple[int, ...]:
    tries, crashes, requeues, number = map(int, text.split())
    return tries, crashes, requeues, number


def _history(number: int, attempts: bytes) -> Sequence[Attempt]:
    """What cannot be read is left out: the job goes on without it."""
    if not number:
        return ()
    return tuple(_guarded(_attempts, b"\xdd" + number.to_bytes(4, "big") + attempts) or ())


def snapshots_of(reply: list[Any], ids: Sequence[str]) -> list[Snapshot]:
    """Of each id that is known, everything that rows.lua said."""
    now_ms, number = int(reply[0]), reply[1]
    rows, holders = reply[2 : 2 + number * ROW], reply[2 + number * ROW :]
    workers = dict(_holders(holders))
    lines = zip(ids, zip(*[iter(rows)] * ROW, strict=True), strict=True)
    return [_snapshot(job_id, now_ms, line, workers) for job_id, line in lines if line[0]]


@dataclass(frozen=True, slots=True)
class _Holder:
    worker_id: str
    news: News
    called_ms: int  # its last exchange: what it claimed there and has not told of yet began then


def _holders(values: Sequence[bytes]) -> Iterator[tuple[str, _Holder]]:
    for epoch, card, news, turn in zip(*[iter(values)] * HOLDER, strict=True):
        worker_id = unpack_card(card).worker_id if card else ""
        told = unpack_news(news) if news else News()
        yield epoch.decode(), _Holder(worker_id, told, int(turn.split(b" ")[1]) if turn else 0)


def _snapshot(job_id: str, now_ms: int, line: tuple[bytes, ...], workers: dict[str, _Holder]) -> Snapshot:
    state, data, tally_text, due, expires, fence = line
    if State(state.decode()).ended:
        return ended_snapshot(job_id, now_ms, data)
    job, tally = deliver(job_id, data, 0).job, tally_of(tally_text)
    holder = workers.get(fence.decode().rpartition(".")[0], _Holder("", News(), 0))
    return Snapshot(
        job=job,
        state=State(state.decode()),
        now_ms=now_ms,
        tries=tally.tries,
        crashes=tally.crashes,
        due_ms=int(float(due)) if due else waiting_since_ms(job),
        expires_ms=int(float(expires)) if expires else 0,
        worker=holder.worker_id,
        start_ms=holder.news.starts.get(job_id, holder.called_ms),
        progress=holder.news.progress.get(job_id, ()),
        attempts=tally.history,
    )


def waiting_since_ms(job: StagedJob) -> int:
    """When a queued job came into its lane, by the producer's clock: nothing else was written down."""
    return max(job.enqueued_ms + job.delay_ms, job.schedule_ms)


def ended_snapshot(job_id: str, now_ms: int, record: bytes) -> Snapshot:
    """What a record says; of one that cannot be read, that it cannot be read."""
    end, envelope, history = _guarded(_read_record, record) or (_unreadable(record), record, ())
    job = deliver(job_id, envelope, 0).job
    return Snapshot(
        job=job,
        state=end.state,
        now_ms=now_ms,
        tries=end.tries,
        crashes=end.crashes,
        due_ms=waiting_since_ms(job),
        worker=end.worker,
        start_ms=end.start_ms,
        end=end,
        attempts=history,
    )


def _read_record(record: bytes) -> tuple[End, bytes, Sequence[Attempt]]:
    sizes, _, body = record.partition(b"|")
    number, of_end, of_job = map(int, sizes.split()[2:])
    of_both = of_end + of_job
    return _end(body[:of_end]), body[of_end:of_both], _history(number, body[of_both:])


def _unreadable(record: bytes) -> End:
    return End(
        State.FAILED, 0, 0, 0, 0, "", "", -1, f"the stored record cannot be decoded; it begins with {record[:64]!r}"
    )


def _guarded(read: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return read(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def worker_rows(
    now_ms: int, leases: Sequence[bytes], cards: dict[bytes, bytes], news: dict[bytes, bytes]
) -> list[WorkerRow]:
    """The registered workers, from epochs and the ends of their leases."""
    rows = []
    for epoch, lease_end in zip(leases[::2], leases[1::2], strict=True):
        card = unpack_card(cards[epoch]) if epoch in cards else WorkerCard(epoch.decode(), "")
        told = unpack_news(news[epoch]) if epoch in news else News()
        rows.append(WorkerRow(card, int(float(lease_end)), now_ms, told))
    return rows


def durability_of(info: bytes | None, fsync: bytes | None, save: bytes | None) -> str:
    """One sentence on what a crash may lose; each is None where the server does not tell."""
    if info is None:
        return "redis: the server does not tell what a crash may lose"
    if b"aof_enabled:1" in info:
        lost = _LOST_WITH_AOF.get(
            fsync or b"", "what the server had not written to its disk (it does not tell how often)"
        )
        return f"redis: append-only file, a crash may lose {lost}; a failover also what the replica had not received"
    if save is None:
        return "redis: no append-only file, a crash loses everything since the last snapshot, if there is one"
    if not save:
        return "redis: no append-only file and no snapshots, a crash loses everything"
    return f"redis: no append-only file, a crash loses everything since the last snapshot (save {save.decode()})"


_LOST_WITH_AOF = {
    b"always": "nothing that was accepted",
    b"everysec": "about the last second",
    b"no": "what the operating system had not written (some 30 seconds)",
}


def paired(flat: Sequence[bytes]) -> dict[bytes, bytes]:
    return dict(zip(flat[::2], flat[1::2], strict=True))


def decoded(ids: Iterable[bytes]) -> list[str]:
    return [job_id.decode() for job_id in ids]
