"""Accepted means kept, and the same enqueue twice is one job."""

import pytest

from ardiq_django.results import State
from ardiq_django.wire import Acceptance, Answer, StagedJob, pack
from tests.contract.keep import Keep, ids
from tests.contract.makers import failure, requeued, retrying, success

CREATED, EXISTING, CONFLICT = Acceptance.CREATED, Acceptance.EXISTING, Acceptance.CONFLICT
ODD_IDS = [
    "ärger 漢字 🎉",
    "x" * 200,
    "two\nlines\r\n",
    "a:b::c",
    "{braces}{",
    "*",
    "[a-z]?\\",
    "'single' \"double\" `back`",
    "%s %(x)s %%",
    "; DROP TABLE ardiq_job; --",
    " ",
    "0",
]


async def offer(keep: Keep, job: StagedJob) -> Acceptance:
    (answer,) = await keep.broker.enqueue([job])
    return answer


async def end(keep: Keep) -> None:
    """Run the one job of the queue to its end, with a failed attempt behind it."""
    worker = await keep.worker()
    delivery = await worker.claim_one()
    await worker.settle(failure(delivery))


async def test_a_new_job_is_created_and_queued(keep: Keep) -> None:
    job = keep.job(labels={"shop": "north"}, headers={"trace": "1"})

    answers = await keep.broker.enqueue([job])

    assert answers == [CREATED]
    snapshot = await keep.get(job.id)
    assert snapshot.state is State.QUEUED
    assert pack(snapshot.job) == pack(job)
    assert (snapshot.tries, snapshot.crashes, snapshot.end, list(snapshot.attempts)) == (0, 0, None, [])


async def test_nothing_enqueued_is_nothing_answered(keep: Keep) -> None:
    assert await keep.broker.enqueue([]) == []


async def test_every_field_of_a_job_reaches_the_worker(keep: Keep) -> None:
    worker = await keep.worker()
    job = await keep.put(
        token="t", digest="d", replaces=True, expire_ms=60_000, labels={"a": 1}, headers={"b": "c"}, limits=("one",)
    )

    delivery = await worker.claim_one()

    assert pack(delivery.job) == pack(job)
    assert (delivery.tries, delivery.crashes, delivery.requeues, list(delivery.history)) == (1, 0, 0, [])
    assert delivery.broken == ""


@pytest.mark.parametrize(
    ("first", "again", "answer"),
    [
        pytest.param({}, {}, EXISTING, id="the-very-same"),
        pytest.param({"token": "t"}, {"token": "t"}, EXISTING, id="same-token"),
        pytest.param({"token": "t"}, {"token": "t", "digest": "d"}, EXISTING, id="token-goes-before-digest"),
        pytest.param({"token": "t", "digest": "d"}, {"token": "u", "digest": "d"}, EXISTING, id="same-digest"),
        pytest.param({"token": "t", "digest": "d"}, {"token": "u", "digest": "e"}, CONFLICT, id="other-digest"),
        pytest.param({"token": "t"}, {"token": "u"}, CONFLICT, id="no-digest-is-no-match"),
        pytest.param({"token": "t", "digest": "d"}, {"token": "u"}, CONFLICT, id="no-digest-meets-a-digest"),
        pytest.param({}, {"token": "t"}, CONFLICT, id="another-token"),
        pytest.param(
            {"token": "t", "digest": "d"},
            {"token": "u", "digest": "e", "replaces": True},
            CONFLICT,
            id="replaces-waits",
        ),
        pytest.param(
            {"token": "t", "digest": "d"},
            {"token": "u", "digest": "d", "replaces": True},
            EXISTING,
            id="replaces-joins",
        ),
    ],
)
@pytest.mark.parametrize("place", ["queued", "scheduled", "running"])
async def test_an_id_in_flight_is_met(
    keep: Keep, place: str, first: dict[str, str], again: dict[str, str], answer: Acceptance
) -> None:
    job = keep.job(delay_ms=60_000 if place == "scheduled" else 0, **first)
    await keep.broker.enqueue([job])
    if place == "running":
        await (await keep.worker()).claim_one()
    before = await keep.get(job.id)

    answered = await offer(keep, keep.job(id=job.id, call=b"\x92\x91\x01\x80", **again))

    after = await keep.get(job.id)
    assert answered is answer
    assert (after.state, pack(after.job)) == (before.state, pack(before.job))
    assert str(after.state) == place


@pytest.mark.parametrize(
    ("first", "again", "answer"),
    [
        pytest.param({}, {}, EXISTING, id="the-very-same"),
        pytest.param({"token": "t"}, {"token": "t"}, EXISTING, id="same-token"),
        pytest.param({"token": "t"}, {"token": "t", "replaces": True}, EXISTING, id="same-token-never-replaces"),
        pytest.param({"token": "t", "digest": "d"}, {"token": "u", "digest": "d"}, CONFLICT, id="same-digest"),
        pytest.param({"token": "t"}, {"token": "u"}, CONFLICT, id="another-token"),
        pytest.param(
            {"token": "t", "digest": "d"}, {"token": "u", "digest": "d", "replaces": True}, CREATED, id="new-run"
        ),
        pytest.param(
            {"token": "t", "digest": "d"}, {"token": "u", "digest": "e", "replaces": True}, CREATED, id="new-call"
        ),
        pytest.param({}, {"token": "u", "replaces": True}, CREATED, id="new-run-of-a-made-id"),
    ],
)
async def test_an_id_that_ended_is_met(
    keep: Keep, first: dict[str, str], again: dict[str, str], answer: Acceptance
) -> None:
    job = keep.job(**first)
    await keep.broker.enqueue([job])
    await end(keep)

    answered = await offer(keep, keep.job(id=job.id, **again))

    assert answered is answer
    assert await keep.state(job.id) is (State.QUEUED if answer is CREATED else State.FAILED)


async def test_a_replaced_run_keeps_its_attempts_as_history_and_hides_its_result(keep: Keep) -> None:
    job = await keep.put(token="t", digest="d")
    await end(keep)
    first = (await keep.get(job.id)).attempts

    await offer(keep, keep.job(id=job.id, token="u", digest="d", replaces=True))

    snapshot = await keep.get(job.id)
    delivery = await (await keep.worker()).claim_one()
    assert len(first) == 1
    assert list(snapshot.attempts) == list(delivery.history) == list(first)
    assert (snapshot.end, snapshot.tries, delivery.tries) == (None, 0, 1)


async def test_a_new_run_of_an_id_begins_with_a_fresh_budget(keep: Keep) -> None:
    worker, first = await keep.running(token="t")
    (second,) = (await worker.exchange(requeued(first), want=1)).deliveries
    (third,) = (await worker.exchange(retrying(second), want=1)).deliveries
    await worker.settle(failure(third))

    await offer(keep, keep.job(id=first.job.id, token="u", replaces=True))

    delivery = await worker.claim_one()
    assert (third.tries, third.requeues) == (2, 1)
    assert (delivery.tries, delivery.crashes, delivery.requeues, len(delivery.history)) == (1, 0, 0, 2)


async def test_a_replaced_record_leaves_the_lists_of_ended_jobs(keep: Keep) -> None:
    job = await keep.put(token="t")
    await end(keep)

    await offer(keep, keep.job(id=job.id, token="u", replaces=True))

    counts = await keep.broker.counts()
    assert (counts[State.FAILED], counts[State.QUEUED]) == (0, 1)


async def test_each_run_of_an_id_runs_once(keep: Keep) -> None:
    job = await keep.put(token="t")
    await end(keep)
    await offer(keep, keep.job(id=job.id, token="u", replaces=True))
    worker = await keep.worker()

    delivery = await worker.claim_one()

    assert await worker.settle(success(delivery)) == [Answer.DONE]
    assert await worker.claim(5) == []


async def test_a_thousand_jobs_are_one_call(keep: Keep) -> None:
    jobs = [keep.job() for _ in range(1_000)]

    answers = await keep.broker.enqueue(jobs)

    assert answers == [CREATED] * 1_000
    assert await keep.broker.size() == 1_000
    claimed = ids(await (await keep.worker()).claim(1_000))
    assert claimed == [job.id for job in jobs]


async def test_a_batch_is_answered_in_order(keep: Keep) -> None:
    known = await keep.put(token="t")
    jobs = [
        keep.job(),
        keep.job(id=known.id, token="t"),
        keep.job(id=known.id, token="u"),
        (twice := keep.job(token="v")),
        twice,
        keep.job(id=twice.id, token="w"),
    ]

    answers = await keep.broker.enqueue(jobs)

    assert answers == [CREATED, EXISTING, CONFLICT, CREATED, EXISTING, CONFLICT]
    assert await keep.broker.size() == 3


@pytest.mark.parametrize("job_id", ODD_IDS)
async def test_an_id_is_any_text(keep: Keep, job_id: str) -> None:
    worker = await keep.worker()
    bystander = await keep.put(delay_ms=60_000)

    await keep.put(id=job_id)
    delivery = await worker.claim_one()
    running = await keep.state(job_id)
    await worker.settle(success(delivery))

    assert delivery.job.id == job_id
    assert running is State.RUNNING
    assert await keep.state(job_id) is State.SUCCEEDED
    assert await keep.broker.delete([job_id]) == [Answer.DONE]
    assert await keep.broker.get(job_id) is None
    assert await keep.state(bystander.id) is State.SCHEDULED


async def test_a_queue_does_not_see_another(keep: Keep) -> None:
    mine = await keep.put()
    other = Keep(keep.address)
    theirs = await other.put()

    seen = await other.broker.get(mine.id), ids(await (await other.worker()).claim(5))
    await other.close()

    assert seen == (None, [theirs.id])
    assert await keep.broker.get(theirs.id) is None


async def test_the_call_is_carried_byte_for_byte(keep: Keep) -> None:
    call = bytes(range(256)) * 40
    await keep.put(call=call)

    delivery = await (await keep.worker()).claim_one()

    assert delivery.job.call == call
