"""What the broker knows of jobs and workers, read from what it keeps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from ardiq_django.brokers.redis.records import guarded, history_of, ms_of, tally_of, text_of
from ardiq_django.results import Attempt, State
from ardiq_django.snapshot import Snapshot, WorkerRow
from ardiq_django.stored import deliver, waiting_since_ms
from ardiq_django.wire import End, News, WorkerCard

ROW = 6  # values of one job in the answer of rows.lua
HOLDER = 4  # values of one worker there

_card = msgspec.msgpack.Decoder(WorkerCard).decode
_news = msgspec.msgpack.Decoder(News).decode
_end = msgspec.msgpack.Decoder(End).decode


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
        yield text_of(epoch), _Holder(card_of(epoch, card).worker_id, news_of(news), called_ms_of(turn))


def _snapshot(job_id: str, now_ms: int, line: tuple[bytes, ...], workers: dict[str, _Holder]) -> Snapshot:
    state, data, tally_text, due, expires, fence = line
    if State(state.decode()).ended:
        return ended_snapshot(job_id, now_ms, data)
    job, tally = deliver(job_id, data, 0).job, tally_of(tally_text)
    holder = workers.get(text_of(fence).rpartition(".")[0], _Holder("", News(), 0))
    return Snapshot(
        job=job,
        state=State(state.decode()),
        now_ms=now_ms,
        tries=tally.tries,
        crashes=tally.crashes,
        due_ms=ms_of(due) if due else waiting_since_ms(job),
        expires_ms=ms_of(expires) if expires else 0,
        worker=holder.worker_id,
        start_ms=holder.news.starts.get(job_id, holder.called_ms),
        progress=holder.news.progress.get(job_id, ()),
        attempts=tally.history,
    )


def ended_snapshot(job_id: str, now_ms: int, record: bytes) -> Snapshot:
    """What a record says; of one that cannot be read, that it cannot be read."""
    end, envelope, history = guarded(_read_record, record) or (_unreadable(record), record, ())
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
    return _end(body[:of_end]), body[of_end:of_both], history_of(number, body[of_both:])


def _unreadable(record: bytes) -> End:
    return End(
        State.FAILED, 0, 0, 0, 0, "", "", -1, f"the stored record cannot be decoded; it begins with {record[:64]!r}"
    )


def worker_rows(
    now_ms: int, leases: Sequence[bytes], cards: dict[bytes, bytes], news: dict[bytes, bytes]
) -> list[WorkerRow]:
    """The registered workers, from epochs and the ends of their leases."""
    rows = []
    for epoch, lease_end in zip(leases[::2], leases[1::2], strict=True):
        card, told = card_of(epoch, cards.get(epoch)), news_of(news.get(epoch))
        rows.append(WorkerRow(card, ms_of(lease_end), now_ms, told))
    return rows


def card_of(epoch: bytes, card: bytes | None) -> WorkerCard:
    """Who a worker is; nobody in particular where that cannot be read."""
    known: WorkerCard | None = guarded(_card, card) if card else None
    return known or WorkerCard(text_of(epoch), "")


def news_of(news: bytes | None) -> News:
    """What a worker told of itself; nothing where that cannot be read."""
    told: News | None = guarded(_news, news) if news else None
    return told or News()


def called_ms_of(call: bytes | None) -> int:
    """When a worker's last exchange was, as it is noted: `<number> <ms> <answers>`."""
    return ms_of(call.split(b" ")[1]) if call and call.count(b" ") > 1 else 0
