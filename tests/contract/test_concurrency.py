"""Many hands at once on one queue."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable

from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from ardiq_django.wire import Acceptance, Answer, Delivery, Outcome
from tests.contract.keep import Keep, Worker, ids
from tests.contract.makers import released, retrying, success


async def drain(worker: Worker, number: int = 7) -> list[str]:
    """Claim and settle until there is nothing left."""
    claimed: list[str] = []
    turn = await worker.exchange(want=number)
    while turn.deliveries:
        claimed += ids(turn.deliveries)
        turn = await worker.exchange(*map(success, turn.deliveries), want=number)
        assert set(turn.answers) == {Answer.DONE}
    return claimed


async def workers(keep: Keep, number: int) -> list[Worker]:
    brokers = [keep.broker, keep.second()]
    return [await keep.worker(f"w{n}", brokers[n % 2]) for n in range(number)]


async def test_twenty_workers_share_five_hundred_jobs(keep: Keep) -> None:
    jobs = await keep.put_many(500)
    hands = await workers(keep, 20)

    claimed = await asyncio.gather(*map(drain, hands))

    assert Counter(job_id for some in claimed for job_id in some) == Counter(job.id for job in jobs)
    assert (await keep.broker.counts())[State.SUCCEEDED] == 500


async def test_jobs_that_arrive_while_others_leave_are_each_handed_out_once(keep: Keep) -> None:
    hands = await workers(keep, 6)
    second = keep.second()

    async def produce(number: int) -> list[str]:
        jobs = [keep.job() for _ in range(20)]
        broker = second if number % 2 else keep.broker
        assert await broker.enqueue(jobs) == [Acceptance.CREATED] * 20
        return [job.id for job in jobs]

    producing = asyncio.gather(*map(produce, range(8)))
    claimed = await asyncio.gather(*map(drain, hands))
    made = Counter(job_id for some in await producing for job_id in some)
    rest = await drain(hands[0], 200)

    assert Counter(rest) + Counter(job_id for some in claimed for job_id in some) == made


async def test_the_same_id_from_ten_producers_is_created_once(keep: Keep) -> None:
    brokers = [keep.broker, keep.second()] * 5
    same = [keep.job(id="one", token=f"t{n}", digest="d") for n in range(10)]

    answers = await asyncio.gather(*(broker.enqueue([job]) for broker, job in zip(brokers, same, strict=True)))

    assert Counter(answer for some in answers for answer in some) == {Acceptance.CREATED: 1, Acceptance.EXISTING: 9}
    assert await keep.broker.size() == 1


async def test_different_calls_under_one_id_meet_one_winner(keep: Keep) -> None:
    brokers = [keep.broker, keep.second()] * 5
    calls = [keep.job(id="one", token=f"t{n}", digest=f"d{n}") for n in range(10)]

    answers = await asyncio.gather(*(broker.enqueue([job]) for broker, job in zip(brokers, calls, strict=True)))

    assert Counter(answer for some in answers for answer in some) == {Acceptance.CREATED: 1, Acceptance.CONFLICT: 9}


async def test_an_ended_id_is_replaced_once(keep: Keep) -> None:
    worker, delivery = await keep.running(token="t")
    await worker.settle(success(delivery))
    brokers = [keep.broker, keep.second()] * 4
    again = [keep.job(id=delivery.job.id, token=f"u{n}", digest="d", replaces=True) for n in range(8)]

    answers = await asyncio.gather(*(broker.enqueue([job]) for broker, job in zip(brokers, again, strict=True)))

    assert Counter(answer for some in answers for answer in some) == {Acceptance.CREATED: 1, Acceptance.EXISTING: 7}
    assert len(await drain(worker)) == 1


async def test_what_is_due_is_promoted_once(keep: Keep) -> None:
    jobs = await keep.put_many(100, delay_ms=5_000)
    hands = await workers(keep, 8)
    keep.travel(6_000)

    claimed = await asyncio.gather(*(worker.claim(20) for worker in hands))

    assert Counter(job_id for some in claimed for job_id in ids(some)) == Counter(job.id for job in jobs)


async def test_a_dead_workers_jobs_are_taken_back_once(keep: Keep) -> None:
    await keep.put_many(30)
    await (await keep.worker()).claim(30)
    keep.outlast_lease()
    second = keep.second()

    taken = await asyncio.gather(*(broker.reap() for broker in [keep.broker, second] * 3))

    assert sum(taken) == 30
    page = (await keep.broker.counts())[State.QUEUED]
    assert page == 30


async def test_an_outcome_and_a_reaper_do_not_both_win(keep: Keep) -> None:
    await keep.put_many(20)
    hands = await workers(keep, 10)
    deliveries = [await worker.claim(2) for worker in hands]
    keep.outlast_lease()
    second = keep.second()

    async def settle(worker: Worker, mine: int) -> int:
        with contextlib.suppress(LeaseLost):
            return len(await worker.settle(*map(success, deliveries[mine])))
        return 0

    *settled, taken = await asyncio.gather(*(settle(worker, n) for n, worker in enumerate(hands)), second.reap())

    counts = await keep.broker.counts()
    assert sum(settled) + taken == 20
    assert (counts[State.SUCCEEDED], counts[State.QUEUED]) == (sum(settled), taken)


async def test_aborts_and_claims_do_not_both_win(keep: Keep) -> None:
    jobs = await keep.put_many(60)
    hands = await workers(keep, 6)
    second = keep.second()

    aborting = asyncio.gather(*(second.abort([job.id]) for job in jobs[::2]))
    claimed = await asyncio.gather(*(worker.claim(10) for worker in hands))
    await aborting
    rest = await hands[0].claim(60)

    states = {job.id: await keep.state(job.id) for job in jobs}
    held = {*ids(rest), *(job_id for some in claimed for job_id in ids(some))}
    assert {job_id for job_id, state in states.items() if state is State.RUNNING} == held
    assert {job_id for job_id, state in states.items() if state is State.ABORTED} == set(states) - held


async def test_jobs_that_go_back_and_forth_are_never_lost(keep: Keep) -> None:
    jobs = await keep.put_many(40)
    hands = await workers(keep, 4)

    async def juggle(worker: Worker) -> None:
        ways: list[Callable[[Delivery], Outcome]] = [released, retrying]
        for way_back in ways * 2:
            deliveries = await worker.claim(8)
            await worker.settle(*[way_back(delivery) for delivery in deliveries])

    await asyncio.gather(*map(juggle, hands))
    claimed = await drain(hands[0], 40)

    assert Counter(claimed) == Counter(job.id for job in jobs)
