"""A job as a store gives it back: whatever bytes stand there, they become a delivery."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from ardiq_django.clock import LATEST_MS
from ardiq_django.results import Attempt
from ardiq_django.shape import check_shape
from ardiq_django.wire import FORMAT, Amendment, Answer, Delivery, StagedJob, pack

_unpack = msgspec.msgpack.Decoder(StagedJob).decode


class Heading(msgspec.Struct, array_like=True, gc=False):
    """What a list needs of a staged job, read in a tenth of the time; the fields of `StagedJob`, as far as they go."""

    format: int
    id: str
    task: str
    lane: str
    call: msgspec.Raw
    enqueued_ms: int
    token: str = ""
    digest: str = ""
    replaces: bool = False
    delay_ms: int = 0
    schedule_ms: int = 0


_unpack_heading = msgspec.msgpack.Decoder(Heading).decode


def heading(job_id: str, data: bytes) -> Heading:
    """The heading of the job that stands under an id; of bytes that are none, one without a task."""
    try:
        found = _unpack_heading(data)
    except (ValueError, RecursionError):
        found = None
    return found if found and found.id == job_id else Heading(FORMAT, job_id, "", "", msgspec.Raw(), 0)


def waiting_since_ms(job: StagedJob | Heading) -> int:
    """When a job that is queued came into its lane, by the producer's clock."""
    return max(job.enqueued_ms + job.delay_ms, job.schedule_ms)


def broken_job(job_id: str, data: bytes) -> StagedJob:
    """A stand-in for stored bytes that cannot be decoded, so that the job can fail where one can see it."""
    head = repr(data[:64])[:200]
    return StagedJob(FORMAT, job_id, "", "", b"", 0, labels={"undecodable": head})


def _packed(stand_in: StagedJob) -> bytes:
    try:
        return pack(stand_in)
    except UnicodeEncodeError:  # an id that is no text; what is kept of it can be shown
        shown = stand_in.id.encode("utf-8", "backslashreplace").decode()
        return pack(msgspec.structs.replace(stand_in, id=shown))


def read_job(job_id: str, data: bytes) -> StagedJob:
    """The staged job that stands under an id; raises `ValueError` for bytes that are none, or that no producer wrote:
    a time out of any calendar would be refused by the store just when the job's end is to be written."""
    try:
        job = _unpack(data)
    except (ValueError, RecursionError, ArithmeticError) as error:
        raise ValueError(str(error)) from error
    if job.id != job_id:
        raise ValueError(f"it is job {job.id[:200]!r}")
    for ms in (job.enqueued_ms, job.schedule_ms, job.delay_ms, job.expire_ms, job.unique_for_ms):
        if not 0 <= ms <= LATEST_MS:
            raise ValueError(f"{ms} ms is out of range")
    if job.labels or job.headers:
        check_shape([dict(job.labels), dict(job.headers)])
    return job


@dataclass(frozen=True, slots=True)
class Tally:
    """What a job has behind it: attempts spent, hand-outs without an outcome, requeues, and its failed attempts."""

    tries: int = 0
    crashes: int = 0
    requeues: int = 0
    history: Sequence[Attempt] = ()


FRESH = Tally()


def deliver(job_id: str, envelope: bytes, claim: int, tally: Tally = FRESH) -> Delivery:
    """A delivery of stored bytes; one that can be seen to be broken where they are not a staged job."""
    spent = (claim, tally.tries + 1, tally.crashes, tally.requeues, tally.history)
    try:
        return Delivery(read_job(job_id, envelope), *spent, envelope)
    except ValueError as error:
        stand_in = broken_job(job_id, envelope)
        reason = f"the stored job cannot be decoded ({error}); it begins with {stand_in.labels['undecodable']}"
        return Delivery(stand_in, *spent, _packed(stand_in), reason)


def opening(job: StagedJob) -> bytes:
    """A job's packed fields up to its digest: all that says which job it is, and what an amendment may change."""
    fields = (job.format, job.id, job.task, job.lane, job.call, job.enqueued_ms, job.token, job.digest)
    return b"".join(map(pack, fields))


def amended(envelope: bytes, change: Amendment) -> tuple[Answer, bytes]:
    """The stored bytes after an amendment; `already` if they say so before, `stale` if the job is not as it was.

    What stands behind its opening stays byte for byte: a newer version may know more fields than this one."""
    at = 3 if envelope[:1] == b"\xdc" else 1  # past the header of the array
    was, new = opening(change.was), opening(change.job)
    if envelope.startswith(new, at):
        return Answer.ALREADY, envelope
    if not envelope.startswith(was, at):
        return Answer.STALE, envelope
    return Answer.DONE, envelope[:at] + new + envelope[at + len(was) :]
