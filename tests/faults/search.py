"""Breadth first through everything two workers can do to two jobs, on the memory broker, held to the state table."""

import asyncio
import copy
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ardiq_django.brokers.memory import MemoryBroker
from ardiq_django.config import QueueRules
from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from ardiq_django.states import TABLE
from ardiq_django.wire import FORMAT, Delivery, Exchange, News, StagedJob, Turn, WorkerCard
from tests.contract.makers import failure, released, retrying, success

JOBS, WORKERS = ("a", "b"), (0, 1)
LEASE_MS = 1_000
MAKERS: dict[str, Callable[[Delivery], Any]] = {
    "success": lambda one: success(one, finish_ms=0),
    "failure": lambda one: failure(one, finish_ms=0),
    "retry": lambda one: retrying(one, 0),
    "release": released,
}
REVIVED = {State.SUCCEEDED, State.FAILED, State.ABORTED}  # a new run may take the place of an end
ARROWS = {(before, after) for arrows in TABLE.values() for before, after in arrows.items()}
Action = tuple[Any, ...]


@dataclass(slots=True)
class Hand:
    """A worker as it sees itself: what it was told it holds, and its last call."""

    epoch: str = ""
    call: int = 0
    held: list[Delivery] = field(default_factory=list)
    last: Exchange | None = None


@dataclass(slots=True)
class World:
    """A state of everything, and what may never be true of it."""

    now_ms: int = 0
    registered: int = 0
    hands: list[Hand] = field(default_factory=lambda: [Hand() for _ in WORKERS])
    former: list[Hand] = field(default_factory=list)  # cut off; what they still say comes late
    broker: MemoryBroker = field(init=False)

    def __post_init__(self) -> None:
        rules = QueueRules("search", ("default",), LEASE_MS, max_crashes=2)
        self.broker = MemoryBroker("memory://", rules, self.clock)
        for worker in WORKERS:
            self._register(worker)

    def clock(self) -> int:
        return self.now_ms

    def twin(self) -> "World":
        """The same again, to go on differently."""
        broker = self.broker
        shared = (broker._lock, broker._work, broker._post, broker._ends)
        return copy.deepcopy(self, {id(one): one for one in shared})

    def _register(self, worker: int) -> None:
        self.registered += 1
        self.hands[worker] = Hand(f"epoch {self.registered}")
        drive(self.broker.register(WorkerCard(self.hands[worker].epoch, "w")))

    def actions(self) -> Iterator[Action]:
        """All that could happen next."""
        yield from (("enqueue", job) for job in JOBS)
        yield from (("abort", job) for job in JOBS)
        for worker in WORKERS:
            hand = self.hands[worker]
            for is_lost in (False, True):
                yield from (("exchange", worker, kind, is_lost) for kind in (MAKERS if hand.held else ("nothing",)))
            if hand.last is not None:
                yield "again", worker
            yield from (("beat", worker), ("crash", worker), ("pause", worker))
        yield from (("zombie", place) for place, hand in enumerate(self.former) if hand.held)
        yield ("reap",)

    def act(self, action: Action) -> None:
        """Let it happen; raises `AssertionError` where a promise does not hold."""
        before = self.states()
        name, *given = action
        getattr(self, f"_{name}")(*given)
        self._check_arrows(before, action)
        self._check_places()

    def states(self) -> dict[str, State]:
        return {job_id: entry.state for job_id, entry in self.broker._jobs.entries.items()}

    def _enqueue(self, job_id: str) -> None:
        job = StagedJob(FORMAT, job_id, "task", "default", b"", 0, token=f"{job_id}{len(self.states())}", replaces=True)
        drive(self.broker.enqueue([job]))

    def _abort(self, job_id: str) -> None:
        drive(self.broker.abort([job_id]))

    def _exchange(self, worker: int, kind: str, is_lost: bool) -> None:
        hand = self.hands[worker]
        outcomes = [MAKERS[kind](hand.held[0])] if hand.held else []
        held = len(hand.held) - len(outcomes)
        hand.last = Exchange(hand.epoch, hand.call + 1, "w", outcomes, 1, ("default",), {}, held)
        if is_lost:
            self._sent(hand.last)
        else:
            self._again(worker)

    def _again(self, worker: int) -> None:
        hand = self.hands[worker]
        if hand.last is None:
            return
        turn = self._sent(hand.last)
        if turn is None:
            return self._register(worker)
        settled = {outcome.delivery.job.id for outcome in hand.last.outcomes}
        known = {one.job.id for one in turn.deliveries}
        hand.held = [one for one in hand.held if one.job.id not in settled | known] + list(turn.deliveries)
        hand.call = hand.last.call

    def _sent(self, turn: Exchange) -> Turn | None:
        try:
            answer: Turn = drive(self.broker.exchange(turn))
            return answer
        except LeaseLost:
            return None

    def _beat(self, worker: int) -> None:
        hand = self.hands[worker]
        held = {one.job.id: one.claim for one in hand.held}
        try:
            beat = drive(self.broker.beat(hand.epoch, hand.call, held, News()))
        except LeaseLost:
            return self._register(worker)
        # what it lost, it never hears of again; and a lost reply is known by the next beat at the latest
        hand.held = [one for one in hand.held if one.job.id not in beat.lost] + list(beat.unknown)

    def _crash(self, worker: int) -> None:
        self._register(worker)

    def _pause(self, worker: int) -> None:
        """It stands still for longer than its lease, and somebody else goes on; it will speak again."""
        self.former = [*self.former, self.hands[worker]][-1:]
        self._lapse()
        self._register(worker)

    def _lapse(self) -> None:
        self.now_ms += LEASE_MS
        for hand in self.hands:
            if hand not in self.former and hand.epoch in self.broker._workers:
                self.broker._workers[hand.epoch].lease_end_ms = self.now_ms + LEASE_MS

    def _zombie(self, place: int) -> None:
        hand = self.former[place]
        known = hand.epoch in self.broker._workers
        outcomes = [success(hand.held[0], finish_ms=0)]
        turn = self._sent(Exchange(hand.epoch, hand.call + 1, "w", outcomes, 0, (), {}, 0))
        assert known or turn is None, "one who was reaped was heard"
        self.former.pop(place)

    def _reap(self) -> None:
        """Whoever died is found: its lease is over, and that of the living is not."""
        self._lapse()
        living = {hand.epoch for hand in self.hands}
        drive(self.broker.reap())
        assert living <= set(self.broker._workers), "one who lived was reaped"

    def _check_arrows(self, before: dict[str, State], action: Action) -> None:
        for job_id, state in self.states().items():
            was = before.get(job_id)
            if was is None or was is state:
                continue
            is_new_run = was in REVIVED and action == ("enqueue", job_id)
            steps = (was, state) in ARROWS or any(
                (was, middle) in ARROWS and (middle, state) in ARROWS for middle in State
            )
            assert is_new_run or (steps and not was.ended), f"{job_id}: {was} → {state} by {action}"
        assert not set(before) - set(self.states()), "a job is gone"

    def _check_places(self) -> None:
        jobs = self.broker._jobs
        places = [place for line in (*jobs.lanes.values(), jobs.suspects) for place in line]
        for entry in jobs.entries.values():
            stands = places.count((entry.job.id, entry.ticket))
            if entry.state is State.QUEUED:
                assert stands == 1, f"{entry.job.id} is queued in {stands} places"
            assert (entry.holder in self.broker._workers) == (entry.state is State.RUNNING)
            assert entry.tally.crashes < 2 or entry.state.ended

    def face(self) -> tuple[Any, ...]:
        """What tells this state from others; numbers that only grow are told by their order."""
        names = {hand.epoch: str(place) for place, hand in enumerate([*self.hands, *self.former])}
        jobs = self.broker._jobs
        order = sorted(entry.ticket for entry in jobs.entries.values())
        rows = [
            (
                job_id, entry.state, names.get(entry.holder, entry.holder and "?"), entry.claim, entry.abort_asked,
                entry.tally.tries, entry.tally.crashes, order.index(entry.ticket),
            )
            for job_id, entry in sorted(jobs.entries.items())
        ]  # fmt: skip
        hands = [
            (
                names[hand.epoch], hand.epoch in self.broker._workers, hand.call,
                tuple((one.job.id, one.claim) for one in hand.held),
                hand.last and (hand.last.call, tuple(type(one).__name__ for one in hand.last.outcomes)),
            )
            for hand in (*self.hands, *self.former)
        ]  # fmt: skip
        strays = len(set(self.broker._workers) - set(names))
        chosen = sorted((names.get(epoch, "?"), draining) for epoch, draining in self.broker._chosen.draining.items())
        return tuple(rows), tuple(hands), strays, tuple(chosen)


@dataclass(slots=True)
class Found:
    """How far a search came."""

    depth: int = 0
    states: int = 1
    transitions: int = 0
    violations: list[str] = field(default_factory=list)


def search(depth: int, is_over: Callable[[], bool] = lambda: False) -> Found:
    """Every state that so many actions lead to, as long as there is time. Paths that fail are told by their actions."""
    found, seen = Found(), set()
    front: list[tuple[World, Sequence[Action]]] = [(World(), ())]
    for level in range(1, depth + 1):
        after: list[tuple[World, Sequence[Action]]] = []
        for world, path in front:
            if is_over():
                return found
            for action in world.actions():
                found.transitions += 1
                try:
                    (twin := world.twin()).act(action)
                except AssertionError as error:
                    found.violations.append(f"{error}, after {[*path, action]}")
                    continue
                if (face := twin.face()) not in seen:
                    seen.add(face)
                    after.append((twin, (*path, action)))
        front, found.depth, found.states = after, level, 1 + len(seen)
    return found


def drive(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """The answer of a verb that never sleeps."""
    try:
        coroutine.send(None)
    except StopIteration as stop:
        return stop.value
    raise asyncio.InvalidStateError("a verb slept")
