"""Random verbs, on the memory broker and on each other one: after every step both say and keep the same.

Where a promise leaves the order open (which of two suspects, or of jobs that went back into the queue, comes first)
brokers may part ways; such a run ends there.
"""

import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.states import WAITING
from ardiq_django.wire import Acceptance, Answer, Delivery, Outcome
from tests.contract.keep import Keep, Worker
from tests.contract.makers import cancelled, failure, released, requeued, retrying, success

IDS = [f"job-{number}" for number in range(4)]
ALL = 100
EXAMPLES = int(os.environ.get("ARDIQ_MODEL_EXAMPLES", "10"))  # more of them find more, and take longer
UNIT_MS = 10_000  # every time is a multiple of it, so that no order of two events hangs on a few real milliseconds
MAKERS: dict[str, Callable[[Delivery, int], Outcome]] = {
    "success": lambda delivery, now: success(delivery, finish_ms=now),
    "failure": lambda delivery, now: failure(delivery, finish_ms=now),
    "cancelled": lambda delivery, now: cancelled(delivery),
    "retrying": lambda delivery, now: retrying(delivery, 0),
    "retrying later": lambda delivery, now: retrying(delivery, UNIT_MS),
    "requeued": lambda delivery, now: requeued(delivery, UNIT_MS),
    "released": lambda delivery, now: released(delivery),
}


class Side:
    """One broker, two workers, and all that was ever handed to them."""

    def __init__(self, address: str) -> None:
        self.keep = Keep(address)
        self.workers: list[Worker] = []
        self.past: dict[str, list[Delivery]] = defaultdict(list)  # by epoch
        self.accepted: set[str] = set()

    async def __aenter__(self) -> "Side":
        self.workers = [await self.keep.worker(name) for name in "ab"]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.keep.close()

    async def enqueue(
        self, number: int, token: str, digest: str, replaces: bool, delay: int, window: int, unique: int
    ) -> Any:
        job = self.keep.job(
            id=IDS[number], token=token, digest=digest, replaces=replaces, unique_for_ms=unique * UNIT_MS,
            delay_ms=delay * UNIT_MS, expire_ms=window * UNIT_MS, lane="high" if number % 2 else "low",
        )  # fmt: skip
        answers = await self.keep.broker.enqueue([job])
        if answers == [Acceptance.CREATED]:
            self.accepted.add(job.id)
        return answers

    async def exchange(self, number: int, outcomes: Sequence[tuple[int, str]], want: int) -> Any:
        worker, now = self.workers[number], self.keep.now_ms
        past = self.past[worker.epoch]
        chosen = [(past[-place % len(past)], kind) for place, kind in outcomes if past]
        finished = {delivery.job.id: (delivery, kind) for delivery, kind in chosen}  # a job ends once in a turn
        try:
            turn = await worker.exchange(*(MAKERS[kind](one, now) for one, kind in finished.values()), want=want)
        except LeaseLost:
            return await self.die(number)
        past += sorted(turn.deliveries, key=lambda delivery: delivery.job.id)
        return list(turn.answers), sorted(map(told, turn.deliveries))

    async def repeat(self, number: int) -> Any:
        worker = self.workers[number]
        if not worker.call:
            return None
        try:
            turn = await worker.repeat()
        except LeaseLost:
            return await self.die(number)
        return list(turn.answers), sorted(delivery.job.id for delivery in turn.deliveries)

    async def beat(self, number: int) -> Any:
        worker = self.workers[number]
        try:
            beat = await worker.beat()
        except LeaseLost:
            return await self.die(number)
        for job_id in beat.lost:
            del worker.held[job_id]
        return sorted(beat.lost), sorted(beat.aborts), sorted(map(told, beat.unknown))

    async def leave(self, number: int) -> Any:
        await self.workers[number].leave()
        return await self.die(number)

    async def die(self, number: int) -> Any:
        self.workers[number] = await self.keep.worker("ab"[number])
        return "began anew"

    async def lose(self, number: int) -> Any:
        """This worker is cut off for longer than its lease, which ends; the others live on."""
        self.keep.outlast_lease()
        others = [worker for worker in self.workers if worker is not self.workers[number]]
        for worker in others:
            with contextlib.suppress(LeaseLost):
                await worker.beat()
        await self.keep.broker.sweep()
        return await self.keep.broker.reap()

    async def travel(self, units: int) -> Any:
        self.keep.travel(units * UNIT_MS)
        await self.keep.broker.sweep()

    async def reap(self) -> Any:
        return await self.keep.broker.reap()

    async def abort(self, number: int) -> Any:
        return await self.keep.broker.abort([IDS[number]])

    async def replay(self, number: int) -> Any:
        return await self.keep.broker.replay([IDS[number]])

    async def reschedule(self, number: int, units: int) -> Any:
        return await self.keep.broker.reschedule([IDS[number]], self.keep.now_ms + units * UNIT_MS)

    async def delete(self, number: int) -> Any:
        answers = await self.keep.broker.delete([IDS[number]])
        if answers == [Answer.DONE]:
            self.accepted.remove(IDS[number])
        return answers

    async def clear(self) -> Any:
        self.accepted -= set(await self.keep.listed(Query(states=WAITING)))
        return await self.keep.broker.clear()

    async def pause(self) -> Any:
        await self.keep.broker.pause()

    async def resume(self) -> Any:
        await self.keep.broker.resume()

    async def seen(self) -> Any:
        """What the admin would see; nothing that was accepted is ever missing."""
        rows = {row.job.id: shown(row) for row in (await self.keep.broker.page(Query())).rows}
        counts = await self.keep.broker.counts()
        assert set(rows) == self.accepted
        assert counts == {state: sum(row[0] is state for row in rows.values()) for state in State}
        return rows, await self.keep.broker.size()

    async def known(self) -> Any:
        """All there is to say of each job."""
        jobs = [await self.keep.broker.get(job_id) for job_id in IDS]
        return [job and (*shown(job), [attempt.event for attempt in job.attempts]) for job in jobs]


def told(delivery: Delivery) -> tuple[Any, ...]:
    history = [attempt.event for attempt in delivery.history]
    counters = delivery.tries, delivery.crashes, delivery.requeues
    return delivery.job.id, delivery.claim, counters, delivery.job.token, history


def shown(job: Snapshot) -> tuple[Any, ...]:
    end = job.end and (job.end.state, job.end.tries, job.end.crashes, job.end.ttl_ms, job.end.reason, job.end.value)
    return job.state, job.tries, job.crashes, job.worker, job.job.token, end


def parted(*said: Any) -> bool:
    """As many jobs, but not the same ones: an order that was open was decided differently."""
    with contextlib.suppress(TypeError, ValueError):
        (answers, mine), (others, theirs) = said
        return bool(answers == others and len(mine) == len(theirs) and [d[0] for d in mine] != [d[0] for d in theirs])
    return False


number = st.integers(0, len(IDS) - 1)
worker = st.integers(0, 1)
outcome = st.tuples(st.integers(1, 2), st.sampled_from(sorted(MAKERS)))
enqueue = st.tuples(
    st.just("enqueue"), number, st.sampled_from("tuv"), st.sampled_from(["", "d", "e"]), st.booleans(),
    st.sampled_from([0, 0, 0, 1]), st.sampled_from([0, 0, 2]), st.sampled_from([0, 0, 1, 2]),
)  # fmt: skip
outcomes = st.lists(outcome, min_size=1, max_size=3)
VERBS = {
    st.tuples(st.just("exchange"), worker, outcomes, st.sampled_from([ALL, ALL, 1, 0])): 12,
    enqueue: 8,
    st.tuples(st.sampled_from(["repeat", "beat"]), worker): 2,
    st.tuples(st.sampled_from(["abort", "replay", "delete"]), number): 3,
    st.tuples(st.just("lose"), worker): 2,
    st.tuples(st.sampled_from(["leave", "die"]), worker): 1,
    st.tuples(st.just("reschedule"), number, st.sampled_from([-1, 1, 2])): 1,
    st.tuples(st.just("travel"), st.sampled_from([1, 2])): 1,
    st.tuples(st.sampled_from(["resume", "resume", "pause", "clear", "reap"])): 1,
}
steps = st.sampled_from([verb for verb, weight in VERBS.items() for _ in range(weight)]).flatmap(lambda verb: verb)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(script=st.lists(steps, min_size=25, max_size=50))
async def test_every_broker_does_what_the_reference_does(address: str, script: list[tuple[Any, ...]]) -> None:
    async with Side("memory://") as reference, Side(address) as tested:
        for verb, *arguments in script:
            said = [await getattr(side, verb)(*arguments) for side in (reference, tested)]
            if parted(*said):
                return
            assert said[0] == said[1]
            assert await reference.seen() == await tested.seen()

        assert await reference.known() == await tested.known()
