"""Stored bytes that nobody of ours wrote: well-formed in part, and meant to do harm to their neighbours."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from ardiq_django.results import State
from ardiq_django.snapshot import Query
from ardiq_django.wire import Answer, StagedJob, pack
from tests.contract.keep import Keep
from tests.contract.makers import failure, success

ALWAYS = 1 << 62  # ms, and no store can be told to keep anything for so long


def replaced(**fields: Any) -> Callable[[StagedJob], bytes]:
    return lambda job: pack(msgspec.structs.replace(job, **fields))


def spoilt(job: StagedJob) -> bytes:
    """The job, but its task's name is no text."""
    return pack(job).replace(b"shop.tasks.mail", b"shop.tasks.\xff\xfe\xed\xa0")


def nested(job: StagedJob) -> bytes:
    """The job, but with a label that is nested a hundred thousand times."""
    head, _, tail = pack(msgspec.structs.replace(job, labels={"deep": "here"})).partition(b"\xa4here")
    return head + b"\x91" * 100_000 + b"\xc0" + tail


def endless(job: StagedJob) -> bytes:
    """The job, but its labels announce four billion items."""
    head, _, tail = pack(msgspec.structs.replace(job, labels={"wide": "here"})).partition(b"\xa4here")
    return head + b"\xdd\xff\xff\xff\xff" + tail


HOSTILE: dict[str, Callable[[StagedJob], bytes]] = {
    "no text": spoilt,
    "too deep": nested,
    "endless": endless,
    "another's id": replaced(id="somebody-else"),
    "no id": replaced(id=""),
    "unique for ever": replaced(unique_for_ms=ALWAYS),
    "unique for less than nothing": replaced(unique_for_ms=-5),
    "enqueued at the end of time": replaced(enqueued_ms=ALWAYS),
    "delayed for ever": replaced(delay_ms=ALWAYS),
    "scheduled for ever": replaced(schedule_ms=(1 << 64) - 1),
    "a window for ever": replaced(expire_ms=ALWAYS),
    "cut off": lambda job: pack(job)[:-3],
    "only a beginning": lambda job: b"\xdc",
    "nothing": lambda job: b"",
}
hostile = pytest.mark.parametrize("kind", HOSTILE)


async def spoil(keep: Keep, kind: str, **fields: Any) -> str:
    job = await keep.put(**fields)
    await keep.corrupt(job.id, HOSTILE[kind](job))
    return job.id


@hostile
async def test_it_fails_visibly_and_its_neighbours_succeed(keep: Keep, kind: str) -> None:
    before = await keep.put()
    broken = await spoil(keep, kind)
    after = await keep.put()
    worker = await keep.worker()

    first, bad, last = await worker.claim(5)
    answers = await worker.settle(success(first), failure(bad, reason=bad.broken), success(last))

    assert [one.job.id for one in (first, bad, last)] == [before.id, broken, after.id]
    assert bad.broken.startswith("the stored job cannot be decoded")
    assert answers == [Answer.DONE] * 3
    assert await keep.state(broken) is State.FAILED
    assert await keep.listed(Query(states=[State.FAILED])) == [broken]
    assert {await keep.state(one.id) for one in (before, after)} == {State.SUCCEEDED}


@hostile
async def test_it_ends_also_where_no_worker_ends_it(keep: Keep, kind: str) -> None:
    aborted = await spoil(keep, kind)
    expired = await spoil(keep, kind, expire_ms=5_000)
    crashed = await spoil(keep, kind)

    await keep.broker.abort([aborted])
    keep.travel(6_000)
    await keep.broker.sweep()
    for _ in range(keep.rules.max_crashes):
        assert [one.job.id for one in await (await keep.worker()).claim(5)] == [crashed]
        keep.outlast_lease()
        await keep.broker.reap()

    found = {job_id: await keep.state(job_id) for job_id in (aborted, expired, crashed)}
    assert found == {aborted: State.ABORTED, expired: State.EXPIRED, crashed: State.FAILED}


async def test_a_task_whose_name_has_line_ends_is_listed_and_forgotten_like_any(keep: Keep) -> None:
    name = "x\n0\nvictim\r\nERROR \x1b[31m"
    keep.ruled(succeeded_max=0, failed_max=10)
    first, second = [await keep.put(task=name) for _ in range(2)]
    await keep.broker.abort([(await keep.put(task=name)).id])
    worker = await keep.worker()

    one, other = await worker.claim(2)
    await worker.settle(success(one, ttl_ms=0), failure(other))
    listed = await keep.listed(Query(states=[State.FAILED, State.SUCCEEDED], task=name))
    await keep.broker.sweep()

    assert set(listed) == {first.id, second.id}
    assert await keep.listed(Query(states=[State.ABORTED], text="victim")) != []
    assert await keep.listed(Query(states=[State.SUCCEEDED])) == []
