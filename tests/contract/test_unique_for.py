"""An id that belongs to its job for a time after the end, too."""

from typing import Any

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Acceptance, Answer, StagedJob
from tests.contract.keep import Keep, Worker
from tests.contract.makers import cancelled, failure, success

CREATED, EXISTING, CONFLICT = Acceptance.CREATED, Acceptance.EXISTING, Acceptance.CONFLICT
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
WINDOW: dict[str, Any] = {"token": "t", "digest": "d", "replaces": True, "unique_for_ms": HOUR_MS}
ODD_LABELS: list[dict[str, Any]] = [
    {},
    {"bytes": b"\xc4" * 300, "float": 1.5, "none": None, "yes": True},
    {"many": list(range(-70_000, 70_000, 7_001)), "map": {str(number): "x" * 40 for number in range(20)}},
    {"big": [2**63, -(2**63), "y" * 70_000, b"z" * 70_000], "nested": [[[{"a": ()}]]]},
]


async def offer(keep: Keep, job: StagedJob, **fields: Any) -> Acceptance:
    """The same id once more."""
    given = {**WINDOW, "token": f"again-{keep.now_ms}", **fields}
    (answer,) = await keep.broker.enqueue([keep.job(id=job.id, **given)])
    return answer


async def ended(keep: Keep, state: str, **fields: Any) -> StagedJob:
    """A job that has just come to this end."""
    worker = await keep.worker()
    if state == "expired":
        job = await keep.put(**{**WINDOW, "expire_ms": 1, **fields})
        keep.travel(1_000)
        await keep.broker.sweep()
    elif state == "aborted waiting":
        job = await keep.put(**{**WINDOW, **fields})
        await keep.broker.abort([job.id])
    else:
        job = await keep.put(**{**WINDOW, **fields})
        await finish(keep, worker, state)
    assert (await keep.state(job.id)).value == state.split()[0]
    return job


async def finish(keep: Keep, worker: Worker, state: str) -> None:
    delivery = await worker.claim_one()
    if state == "succeeded":
        outcome: Any = success(delivery, finish_ms=keep.now_ms, ttl_ms=0)
    elif state == "failed":
        outcome = failure(delivery, finish_ms=keep.now_ms, ttl_ms=0)
    else:
        outcome = cancelled(delivery)
    assert await worker.settle(outcome) == [Answer.DONE]


ENDS = ["succeeded", "failed", "aborted", "expired", "aborted waiting"]


@pytest.mark.parametrize("state", ENDS)
async def test_the_same_call_meets_the_job_that_ended_until_its_time_is_over(keep: Keep, state: str) -> None:
    job = await ended(keep, state)
    keep.travel(HOUR_MS - 60_000)

    within = await offer(keep, job)
    before = await keep.state(job.id)
    keep.travel(120_000)
    after = await offer(keep, job)

    assert (within, before.value) == (EXISTING, state.split()[0])
    assert after is CREATED
    assert await keep.state(job.id) is State.QUEUED


async def test_another_call_under_the_id_is_a_conflict_until_its_time_is_over(keep: Keep) -> None:
    job = await ended(keep, "succeeded")

    within = await offer(keep, job, digest="e")
    keep.travel(HOUR_MS + 1_000)

    assert within is CONFLICT
    assert await keep.state(job.id) is State.SUCCEEDED
    assert await offer(keep, job, digest="e") is CREATED


async def test_the_time_is_that_of_the_job_that_ended(keep: Keep) -> None:
    plain = await ended(keep, "succeeded", unique_for_ms=0)
    unique = await ended(keep, "succeeded")

    assert await offer(keep, plain) is CREATED
    assert await offer(keep, unique, unique_for_ms=0) is EXISTING


@pytest.mark.parametrize("state", ENDS)
@pytest.mark.parametrize(
    "rules", [{"succeeded_ttl_ms": 1_000, "failed_ttl_ms": 1_000}, {"succeeded_max": 0, "failed_max": 0}]
)
@pytest.mark.parametrize("result_ttl_ms", [0, -1])
async def test_retention_does_not_forget_an_id_before_its_time_is_over(
    keep: Keep, state: str, rules: dict[str, int], result_ttl_ms: int
) -> None:
    keep.ruled(**rules, result_ttl_ms=result_ttl_ms)
    job = await ended(keep, state)
    keep.travel(HOUR_MS // 2)
    await sweep(keep)

    within = await offer(keep, job)
    keep.travel(HOUR_MS)
    await sweep(keep)

    assert within is EXISTING
    assert await offer(keep, job) is CREATED


async def sweep(keep: Keep) -> None:
    for _ in range(3):  # a sweep goes in bounded steps
        await keep.broker.sweep()


async def test_a_record_goes_when_both_its_times_are_over(keep: Keep) -> None:
    keep.ruled(succeeded_ttl_ms=1_000)
    job = await ended(keep, "succeeded")
    bystander = await ended(keep, "succeeded", unique_for_ms=0)
    keep.travel(HOUR_MS // 2)
    await sweep(keep)
    half = await keep.broker.get(job.id), await keep.broker.get(bystander.id)
    keep.travel(HOUR_MS)
    await sweep(keep)

    assert [snapshot is None for snapshot in half] == [False, True]
    assert await keep.broker.get(job.id) is None
    assert (await keep.broker.counts())[State.SUCCEEDED] == 0


@pytest.mark.parametrize("labels", ODD_LABELS)
async def test_labels_of_any_kind_do_not_hide_the_time(keep: Keep, labels: dict[str, Any]) -> None:
    ran = await ended(keep, "succeeded", labels=labels, headers=labels)
    unrun = await ended(keep, "aborted waiting", labels=labels, headers=labels, depends_on=("a", "b"), limits=("c",))

    assert [await offer(keep, job) for job in (ran, unrun)] == [EXISTING] * 2


async def test_a_deleted_job_lets_its_id_go(keep: Keep) -> None:
    job = await ended(keep, "succeeded")

    await keep.broker.delete([job.id])

    assert await offer(keep, job) is CREATED


async def test_a_job_that_is_replayed_is_unique_again_after_its_second_end(keep: Keep) -> None:
    job = await ended(keep, "failed")
    keep.travel(HOUR_MS - 60_000)
    await keep.broker.replay([job.id])
    in_flight = await offer(keep, job)
    await finish(keep, await keep.worker(), "succeeded")
    keep.travel(HOUR_MS - 60_000)

    assert (in_flight, await offer(keep, job)) == (EXISTING, EXISTING)
    keep.travel(120_000)
    assert await offer(keep, job) is CREATED


async def test_a_new_run_has_the_time_of_its_own_call(keep: Keep) -> None:
    job = await ended(keep, "succeeded")
    keep.travel(HOUR_MS + 1_000)
    await offer(keep, job, unique_for_ms=DAY_MS)
    await finish(keep, await keep.worker(), "succeeded")
    keep.travel(2 * HOUR_MS)

    assert await offer(keep, job) is EXISTING
    keep.travel(DAY_MS)
    assert await offer(keep, job) is CREATED


async def test_of_many_in_one_call_each_is_judged_by_its_own_time(keep: Keep) -> None:
    unique, plain = await ended(keep, "succeeded"), await ended(keep, "succeeded", unique_for_ms=0)
    fields: dict[str, Any] = {**WINDOW, "token": "again"}

    answers = await keep.broker.enqueue([keep.job(id=one.id, **fields) for one in (unique, plain)] + [keep.job()])

    assert answers == [EXISTING, CREATED, CREATED]
