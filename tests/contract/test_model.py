"""Random verbs, on the memory broker and on each other one: after every step both say and keep the same.

Every verb that moves jobs is among them, also those of workers that are gone, and every outcome; so is the passing of
time, by which jobs fall due, windows and leases end, and records are removed.

Where a promise leaves the order open (which of two suspects, or of jobs that went back into the queue, comes first)
brokers may part ways; such a run ends there.
"""

import contextlib
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from ardiq_django.snapshot import Query, Snapshot
from ardiq_django.states import WAITING
from ardiq_django.wire import Acceptance, Amendment, Answer, Delivery, Occurrence, Outcome, StagedJob
from tests.contract.keep import Keep, Worker
from tests.contract.makers import cancelled, failure, released, requeued, retrying, success
from tests.faults.proof import MODEL, WHOLE

IDS = [f"job-{number}" for number in range(4)]
ALL = 100
EXAMPLES = int(os.environ.get("ARDIQ_MODEL_EXAMPLES", "200" if WHOLE else "10"))  # more find more, and take longer
STEPS = 50
UNIT_MS = 10_000  # every time is a multiple of it, so that no order of two events hangs on a few real milliseconds
TTL_MS = UNIT_MS // 2
KEPT_MS = 4 * UNIT_MS + 5_500  # no sum of units and of leases comes close to it
MAKERS: dict[str, Callable[[Delivery, int], Outcome]] = {
    "success": lambda delivery, now: success(delivery, ttl_ms=TTL_MS, finish_ms=now),
    "failure": lambda delivery, now: failure(delivery, ttl_ms=TTL_MS, finish_ms=now),
    "cancelled": lambda delivery, now: cancelled(delivery, ttl_ms=TTL_MS, finish_ms=now),
    "retrying": lambda delivery, now: retrying(delivery, 0),
    "retrying later": lambda delivery, now: retrying(delivery, UNIT_MS),
    "requeued": lambda delivery, now: requeued(delivery, UNIT_MS),
    "released": lambda delivery, now: released(delivery),
}


class Side:
    """One broker, a few workers, and all that was ever handed to them."""

    def __init__(self, address: str, crew: str) -> None:
        self.keep = Keep(address)
        self.crew = crew
        self.keep.ruled(result_ttl_ms=TTL_MS, succeeded_ttl_ms=KEPT_MS, failed_ttl_ms=KEPT_MS)
        self.began_ms = self.keep.now_ms
        self.former: list[Worker] = []
        self.workers: list[Worker] = []
        self.past: dict[str, list[Delivery]] = defaultdict(list)  # by epoch
        self.accepted: set[str] = set()
        self.ended: set[str] = set()  # as it was seen last

    async def __aenter__(self) -> "Side":
        self.workers = [await self.keep.worker(name) for name in self.crew]
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.keep.close()

    async def enqueue(
        self, number: int, token: str, digest: str, replaces: bool, delay: int, window: int, unique: int
    ) -> Any:
        job = self._job(
            number, token=token, digest=digest, replaces=replaces, unique_for_ms=unique * UNIT_MS,
            delay_ms=delay * UNIT_MS, expire_ms=window * UNIT_MS,
        )  # fmt: skip
        answers = await self.keep.broker.enqueue([job])
        if answers == [Acceptance.CREATED]:
            self.accepted.add(job.id)
        return answers

    def _job(self, number: int, **fields: Any) -> StagedJob:
        return self.keep.job(id=IDS[number], lane="high" if number % 2 else "low", **fields)

    async def stage(self, schedule: str, units: int, coalesces: bool, number: int, token: str) -> Any:
        """A schedule fires, for a time that may be over, or staged before."""
        job = self._job(number, token=token, replaces=True)
        staged = await self.keep.broker.stage([Occurrence(schedule, self._at(units), job, coalesces)])
        if staged == [True]:
            self.accepted.add(job.id)
        return staged

    def _at(self, units: int) -> int:
        return self.began_ms + units * UNIT_MS

    async def watermark(self, schedule: str) -> Any:
        (mark,) = (await self.keep.broker.watermarks([schedule])).values()
        return (mark - self.began_ms) // UNIT_MS

    def _place(self, number: int) -> int:
        return number % len(self.crew)

    def _worker(self, number: int) -> Worker:
        return self.workers[self._place(number)]

    async def exchange(self, number: int, outcomes: Sequence[tuple[int, str]], want: int) -> Any:
        worker, now = self._worker(number), self.keep.now_ms
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
        worker = self._worker(number)
        if not worker.call:
            return None
        try:
            turn = await worker.repeat()
        except LeaseLost:
            return await self.die(number)
        return list(turn.answers), sorted(delivery.job.id for delivery in turn.deliveries)

    async def beat(self, number: int) -> Any:
        worker = self._worker(number)
        try:
            beat = await worker.beat()
        except LeaseLost:
            return await self.die(number)
        for job_id in beat.lost:
            del worker.held[job_id]
        return sorted(beat.lost), sorted(beat.aborts), sorted(map(told, beat.unknown))

    async def leave(self, number: int) -> Any:
        await self._worker(number).leave()
        return await self.die(number)

    async def zombie(self, number: int, kind: str) -> Any:
        """One whose epoch is over, or ends only now that nobody minds it, goes on as if nothing had happened."""
        if not self.former:
            return None
        worker = self.former[-number % len(self.former)]
        outcomes = [MAKERS[kind](one, self.keep.now_ms) for one in self.past[worker.epoch][-1:]]
        return [await answered(worker.exchange(*outcomes, want=1)), await answered(worker.beat())]

    async def reaped(self, number: int) -> Any:
        """Somebody knows that the process of this worker is gone."""
        taken = await self.keep.broker.reap(dead=[self._worker(number).epoch])
        return taken, await self.die(number)

    async def die(self, number: int) -> Any:
        if self.workers:
            self.former.append(self._worker(number))
        self.workers[self._place(number)] = await self.keep.worker(self.crew[self._place(number)])
        return "began anew"

    async def lose(self, number: int) -> Any:
        """This worker is cut off for longer than its lease, which ends; the others live on."""
        self.keep.outlast_lease()
        others = [worker for worker in self.workers if worker is not self._worker(number)]
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

    async def amend(self, number: int, lane: str, call: int, was_read: bool) -> Any:
        known = await self.keep.broker.get(IDS[number])
        was = known.job if known and was_read else self._job(number, call=b"\xc0")
        return await self.keep.broker.amend([Amendment(was, lane, bytes([call]), was.digest)])

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
        """What the admin would see; nothing that was accepted is ever missing, but for records that are over."""
        rows = {row.job.id: shown(row) for row in (await self.keep.broker.page(Query())).rows}
        counts = await self.keep.broker.counts()
        self.accepted -= self.ended - set(rows)
        assert set(rows) == self.accepted
        self.ended = {job_id for job_id, row in rows.items() if row[0].ended}
        assert counts == {state: sum(row[0] is state for row in rows.values()) for state in State}
        return rows, await self.keep.broker.size()

    async def known(self) -> Any:
        """All there is to say of each job."""
        jobs = [await self.keep.broker.get(job_id) for job_id in IDS]
        return [job and (*shown(job), [attempt.event for attempt in job.attempts]) for job in jobs]


async def answered(call: Awaitable[Any]) -> Any:
    """Whether a call of a worker's was answered, or refused."""
    try:
        answer = await call
    except LeaseLost:
        return "lease lost"
    return [*getattr(answer, "answers", ()), len(getattr(answer, "deliveries", ()))]


def told(delivery: Delivery) -> tuple[Any, ...]:
    history = [attempt.event for attempt in delivery.history]
    counters = delivery.tries, delivery.crashes, delivery.requeues
    return delivery.job.id, delivery.claim, counters, delivery.job.token, history


def shown(job: Snapshot) -> tuple[Any, ...]:
    end = job.end and (job.end.state, job.end.tries, job.end.crashes, job.end.ttl_ms, job.end.reason, job.end.value)
    call = job.job.lane, job.job.call
    return job.state, job.tries, job.crashes, job.worker, job.job.token, call, end


def parted(*said: Any) -> bool:
    """As many jobs, but not the same ones: an order that was open was decided differently."""
    with contextlib.suppress(TypeError, ValueError):
        (answers, mine), (others, theirs) = said
        return bool(answers == others and len(mine) == len(theirs) and [d[0] for d in mine] != [d[0] for d in theirs])
    return False


number = st.integers(0, len(IDS) - 1)
worker = st.integers(0, 3)
crew = st.sampled_from(["ab", "abcd"])  # of four, two may clear suspects at a time
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
    st.tuples(st.sampled_from(["leave", "die", "reaped"]), worker): 1,
    st.tuples(st.just("zombie"), number, st.sampled_from(sorted(MAKERS))): 1,
    st.tuples(
        st.just("stage"), st.sampled_from("xy"), st.integers(1, 6), st.booleans(), number, st.sampled_from("tuv")
    ): 2,
    st.tuples(st.just("watermark"), st.sampled_from("xy")): 1,
    st.tuples(st.just("reschedule"), number, st.sampled_from([-1, 1, 2])): 1,
    st.tuples(
        st.just("amend"),
        number,
        st.sampled_from(["high", "low"]),
        st.integers(0, 2),
        st.sampled_from([True] * 4 + [False]),
    ): 2,
    st.tuples(st.just("travel"), st.sampled_from([1, 2])): 1,
    st.tuples(st.sampled_from(["resume", "resume", "pause", "clear", "reap"])): 1,
}
steps = st.sampled_from([verb for verb, weight in VERBS.items() for _ in range(weight)]).flatmap(lambda verb: verb)


async def compare(address: str, crew: str, script: Sequence[tuple[Any, ...]]) -> int:
    """How many steps both took alike, until the end, or until an open order was decided differently."""
    async with Side("memory://", crew) as reference, Side(address, crew) as tested:
        for done, (verb, *arguments) in enumerate(script):
            said = [await getattr(side, verb)(*arguments) for side in (reference, tested)]
            if parted(*said):
                return done
            assert said[0] == said[1]
            assert await reference.seen() == await tested.seen()

        assert await reference.known() == await tested.known()
    return len(script)


taken: dict[str, list[int]] = defaultdict(list)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(crew=crew, script=st.lists(steps, min_size=STEPS if WHOLE else STEPS // 2, max_size=STEPS))
async def test_every_broker_does_what_the_reference_does(
    address: str, crew: str, script: list[tuple[Any, ...]]
) -> None:
    taken[address].append(await compare(address, crew, script))


def test_most_steps_were_taken_by_both() -> None:
    for address, numbers in taken.items():
        MODEL.add(address.partition("127")[0], len(numbers), sum(numbers), 0)
        assert sum(numbers) > len(numbers) * STEPS / 5
