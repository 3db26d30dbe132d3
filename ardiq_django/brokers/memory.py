"""The memory broker: dicts in one process, and the readable reference of what every broker does.

Each verb takes the lock, reads the state table, moves jobs, lets go. Nothing here is fast or durable on purpose.
"""

import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ardiq_django.brokers.base import Broker, QueueRules
from ardiq_django.brokers.bell import Bell
from ardiq_django.clock import now_ms
from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import ENDED, Attempt, State
from ardiq_django.states import TABLE, WAITING, Verb, apply, verb_of
from ardiq_django.wire import (
    FRESH,
    Aborted,
    Acceptance,
    Answer,
    Beat,
    Command,
    Delivery,
    End,
    Exchange,
    Failed,
    News,
    Occurrence,
    Order,
    Outcome,
    Page,
    Query,
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

PROMOTED_AT_ONCE = 200
ABORTED_RUNNING = "aborted while it ran"


@dataclass(slots=True)
class _Entry:
    job: StagedJob
    envelope: bytes
    state: State
    due_ms: int
    expires_ms: int
    ticket: int = 0  # its place in a lane; an older place is void
    tally: Tally = FRESH
    holder: str = ""  # the epoch that runs it
    claim: int = 0
    start_ms: int = 0
    abort_asked: bool = False
    end: End | None = None

    @property
    def shown_ms(self) -> int:
        """The time by which lists are ordered."""
        return self.end.finish_ms if self.end else self.start_ms or self.due_ms


@dataclass(slots=True)
class _Registration:
    card: WorkerCard
    lease_end_ms: int
    call: int = 0
    turn: Turn = field(default_factory=lambda: Turn((), ()))
    mail: list[Command] = field(default_factory=list)
    news: News = field(default_factory=News)


class MemoryBroker(Broker):
    """One process, nothing kept after it. Time is injected."""

    def __init__(self, address: str, rules: QueueRules, clock=now_ms) -> None:  # type: ignore[no-untyped-def]
        super().__init__(address, rules)
        self._clock = clock
        self._lock = threading.RLock()
        self._jobs: dict[str, _Entry] = {}
        self._lanes: dict[str, deque[tuple[str, int]]] = {}
        self._due: list[tuple[int, int, str]] = []
        self._suspects: deque[tuple[str, int]] = deque()
        self._released: list[_Entry] = []  # by the turn at hand
        self._clearing = ""  # the epoch that is to run a suspect alone
        self._workers: dict[str, _Registration] = {}
        self._watermarks: dict[str, int] = {}
        self._paused = False
        self._tickets = itertools.count(1)
        self._work, self._post, self._ends = Bell(), Bell(), Bell()

    async def close(self) -> None:
        """Nothing to let go of."""

    @property
    def _now(self) -> int:
        return int(self._clock()) + self.skew_ms

    async def enqueue(self, jobs: Sequence[StagedJob]) -> list[Acceptance]:
        with self._lock:
            answers = [self._accept(job) for job in jobs]
        self._work.ring()
        return answers

    def _accept(self, job: StagedJob) -> Acceptance:
        known = self._jobs.get(job.id)
        if known is not None:
            if known.job.identity == job.identity:
                return Acceptance.EXISTING
            if not known.state.ended:
                same = job.digest and known.job.digest == job.digest
                return Acceptance.EXISTING if same else Acceptance.CONFLICT
            if not job.replaces:
                return Acceptance.CONFLICT
        history = known.tally.history if known else ()
        now = self._now
        due = max(now + job.delay_ms, job.schedule_ms)
        expires = now + job.expire_ms if job.expire_ms else 0
        entry = _Entry(job, pack(job), State.SCHEDULED, due, expires, tally=Tally(history=history))
        self._jobs[job.id] = entry
        if due > now:
            self._schedule(entry, State.SCHEDULED, due)
        else:
            self._queue(entry)
        return Acceptance.CREATED

    def _queue(self, entry: _Entry, head: bool = False) -> None:
        entry.state, entry.holder, entry.start_ms = State.QUEUED, "", 0
        entry.ticket = next(self._tickets)
        line = self._suspects if entry.tally.crashes else self._lanes.setdefault(entry.job.lane, deque())
        (line.appendleft if head else line.append)((entry.job.id, entry.ticket))

    def _put_back(self, entries: Iterable[_Entry]) -> None:
        for entry in reversed(list(entries)):
            self._queue(entry, head=True)

    def _schedule(self, entry: _Entry, state: State, due_ms: int) -> None:
        entry.state, entry.holder, entry.start_ms, entry.due_ms = state, "", 0, due_ms
        entry.ticket = next(self._tickets)
        heapq.heappush(self._due, (due_ms, entry.ticket, entry.job.id))

    def _finish(self, entry: _Entry, end: End) -> None:
        entry.state, entry.end, entry.holder = end.state, end, ""
        self._ends.ring()

    def _finish_waiting(self, entry: _Entry, state: State, reason: str) -> None:
        tally, ttl = entry.tally, self.rules.result_ttl_ms
        self._finish(entry, End(state, tally.tries, tally.crashes, 0, self._now, "", "", ttl, reason))

    async def register(self, card: WorkerCard) -> None:
        with self._lock:
            self._workers.setdefault(card.epoch, _Registration(card, self._now + self.rules.lease_ms))

    async def leave(self, epoch: str) -> None:
        with self._lock:
            held = list(self._held_by(epoch))
            for entry in held:
                if entry.abort_asked:
                    self._finish_waiting(entry, State.ABORTED, ABORTED_RUNNING)
            self._put_back(entry for entry in held if not entry.state.ended)
            self._forget(epoch)
        self._work.ring()

    def _forget(self, epoch: str) -> None:
        self._workers.pop(epoch, None)
        if self._clearing == epoch:
            self._clearing = ""

    def _held_by(self, epoch: str) -> Iterator[_Entry]:
        return (entry for entry in self._jobs.values() if entry.state is State.RUNNING and entry.holder == epoch)

    def _worker(self, epoch: str) -> _Registration:
        worker = self._workers.get(epoch)
        if worker is None:
            raise LeaseLost(f"worker epoch {epoch} is not registered, or was reaped")
        worker.lease_end_ms = self._now + self.rules.lease_ms
        return worker

    async def exchange(self, turn: Exchange) -> Turn:
        with self._lock:
            worker = self._worker(turn.epoch)
            if turn.call > worker.call:
                answers = [self._settle(turn, outcome) for outcome in turn.outcomes]
                self._put_back(self._released)
                self._released.clear()
                self._promote()
                worker.turn = Turn(answers, self._claim(turn), self._next_due())
                worker.call = turn.call
            if any(self._lanes.values()) or self._suspects:
                self._work.ring()
            return worker.turn

    def _settle(self, turn: Exchange, outcome: Outcome) -> Answer:
        delivery = outcome.delivery
        entry = self._jobs.get(delivery.job.id)
        if entry is None:
            return Answer.GONE
        if (entry.holder, entry.claim) != (turn.epoch, delivery.claim):
            return Answer.STALE
        answer, state = apply(verb_of(outcome), entry.state, entry.abort_asked)
        if answer is Answer.DONE:
            self._write(entry, turn, outcome, state or entry.state)
        return answer

    def _write(self, entry: _Entry, turn: Exchange, outcome: Outcome, state: State) -> None:
        tally = entry.tally
        if entry.abort_asked and state is State.ABORTED and not isinstance(outcome, Aborted):
            self._finish_waiting(entry, State.ABORTED, ABORTED_RUNNING)
            return
        match outcome:
            case Succeeded():
                self._finish(entry, end_of(outcome, turn.worker_id, turn.epoch))
            case Failed(attempt=attempt) | Aborted(attempt=attempt):
                entry.tally = replace(tally, history=(*tally.history, attempt))
                self._finish(entry, end_of(outcome, turn.worker_id, turn.epoch))
            case Retrying(attempt=attempt, delay_ms=delay):
                entry.tally = Tally(tally.tries + 1, 0, tally.requeues, (*tally.history, attempt))
                self._schedule(entry, state, self._now + delay)
            case Requeued(delay_ms=delay):
                entry.tally = replace(tally, crashes=0, requeues=tally.requeues + 1)
                self._schedule(entry, state, self._now + delay)
            case _:
                entry.state, entry.holder = state, ""
                self._released.append(entry)  # together, once all are known: they keep their order

    def _promote(self) -> None:
        for _ in range(PROMOTED_AT_ONCE):
            if not self._due or self._due[0][0] > self._now:
                return
            place = heapq.heappop(self._due)
            if self._is_due_of(*place):
                self._queue(self._jobs[place[2]])

    def _is_due_of(self, due_ms: int, ticket: int, job_id: str) -> bool:
        entry = self._jobs.get(job_id)
        return entry is not None and entry.ticket == ticket and entry.state in TABLE[Verb.PROMOTE]

    def _next_due(self) -> int | None:
        while self._due and not self._is_due_of(*self._due[0]):
            heapq.heappop(self._due)
        return max(0, self._due[0][0] - self._now) if self._due else None

    def _claim(self, turn: Exchange) -> list[Delivery]:
        if self._paused or not turn.want:
            if self._clearing == turn.epoch and not turn.held:
                self._clearing = ""
            return []
        if (alone := self._clear_suspects(turn)) is not None:
            return alone
        found: list[Delivery] = []
        for lane in turn.lanes:
            quota = min(turn.want - len(found), turn.caps.get(lane, turn.want))
            found += itertools.islice(self._take(turn, lane), quota)
        return found

    def _clear_suspects(self, turn: Exchange) -> list[Delivery] | None:
        if self._clearing not in self._workers:
            self._clearing = turn.epoch if self._suspects else ""
        if self._clearing != turn.epoch:
            return None
        if turn.held:
            return []
        while self._suspects:
            job_id, ticket = self._suspects.popleft()
            entry = self._jobs.get(job_id)
            if entry and entry.ticket == ticket and entry.state is State.QUEUED and not self._lapsed(entry):
                return [self._hand_out(turn, entry)]
        self._clearing = ""
        return None

    def _take(self, turn: Exchange, lane: str) -> Iterator[Delivery]:
        waiting = self._lanes.get(lane, deque())
        while waiting:
            job_id, ticket = waiting.popleft()
            entry = self._jobs.get(job_id)
            if entry and entry.ticket == ticket and entry.state is State.QUEUED and not self._lapsed(entry):
                yield self._hand_out(turn, entry)

    def _hand_out(self, turn: Exchange, entry: _Entry) -> Delivery:
        entry.state, entry.holder, entry.claim = State.RUNNING, turn.epoch, turn.call
        entry.start_ms, entry.expires_ms, entry.abort_asked = self._now, 0, False
        return deliver(entry.job.id, entry.envelope, turn.call, entry.tally)

    def _lapsed(self, entry: _Entry) -> bool:
        over = bool(entry.expires_ms) and entry.expires_ms <= self._now
        if over and apply(Verb.EXPIRE, entry.state)[0] is Answer.DONE:
            reason = f"expired: not started within {entry.job.expire_ms} ms"
            self._finish_waiting(entry, State.EXPIRED, reason)
        return over

    async def wait(self, epoch: str, timeout_s: float) -> None:
        with self._work.listener() as listener:
            with self._lock:
                ready, due = self._ready_for(epoch), self._next_due()
            if not ready:
                await listener.rung(timeout_s if due is None else min(timeout_s, due / 1000))

    def _ready_for(self, epoch: str) -> bool:
        if self._paused:
            return False
        if self._clearing == epoch:  # gets nothing until it holds nothing
            return not any(self._held_by(epoch))
        return any(self._lanes.values()) or bool(self._suspects and self._clearing not in self._workers)

    async def listen(self, epoch: str, timeout_s: float) -> list[Command]:
        with self._post.listener() as listener:
            worker = self._workers.get(epoch)
            if worker and not worker.mail:
                await listener.rung(timeout_s)
            with self._lock:
                mail = worker.mail if worker else []
                if worker:
                    worker.mail = []
                return mail

    async def beat(self, epoch: str, call: int, held: Mapping[str, int], news: News) -> Beat:
        with self._lock:
            worker = self._worker(epoch)
            worker.news = news
            mine = {entry.job.id: entry for entry in self._held_by(epoch)}
            lost = [job_id for job_id, claim in held.items() if job_id not in mine or mine[job_id].claim != claim]
            unknown = [
                deliver(job_id, entry.envelope, entry.claim, entry.tally)
                for job_id, entry in mine.items()
                if entry.claim <= call and held.get(job_id) != entry.claim
            ]
            aborts = [job_id for job_id, entry in mine.items() if entry.abort_asked]
            return Beat(lost, aborts, unknown)

    async def tell(self, epoch: str, command: Command) -> bool:
        with self._lock:
            worker = self._workers.get(epoch)
            if worker:
                worker.mail.append(command)
        self._post.ring()
        return worker is not None

    async def reap(self) -> int:
        taken = 0
        with self._lock:
            for epoch, worker in list(self._workers.items()):
                if worker.lease_end_ms <= self._now:
                    held = list(self._held_by(epoch))
                    self._forget(epoch)
                    for entry in reversed(held):
                        self._take_back(entry, worker)
                    taken += len(held)
        self._work.ring()
        return taken

    def _take_back(self, entry: _Entry, worker: _Registration) -> None:
        tally, start = entry.tally, worker.news.starts.get(entry.job.id, entry.start_ms)
        crashes = tally.crashes + 1
        message = "the worker died or was cut off longer than its lease"
        lost = Attempt(tally.tries + 1, "crashed", start, self._now, worker.card.worker_id, "WorkerLost", message)
        entry.tally = replace(tally, crashes=crashes, history=(*tally.history, lost))
        if entry.abort_asked:
            self._finish_waiting(entry, State.ABORTED, ABORTED_RUNNING)
        elif crashes < self.rules.max_crashes:
            self._queue(entry, head=True)
        else:
            self._finish_waiting(entry, State.FAILED, f"its worker was lost {crashes} times while it ran")

    async def sweep(self) -> None:
        with self._lock:
            for entry in list(self._jobs.values()):
                if entry.state in (State.SCHEDULED, State.QUEUED):
                    self._lapsed(entry)
            for state in ENDED:
                self._prune(state)

    def _prune(self, state: State) -> None:
        newest = sorted(self._in(state), key=lambda entry: entry.shown_ms, reverse=True)
        for rank, entry in enumerate(newest):
            age = self._now - entry.shown_ms
            ttl = entry.end.ttl_ms if entry.end else 0
            # a result may be asked to outlive the history, never the other way round
            pushed_out = rank >= self.rules.kept_max(state) and age >= ttl >= 0
            if pushed_out or age >= max(self.rules.kept_ms(state), ttl):
                del self._jobs[entry.job.id]

    def _in(self, state: State) -> list[_Entry]:
        return [entry for entry in self._jobs.values() if entry.state is state]

    async def watermarks(self, schedules: Sequence[str]) -> dict[str, int]:
        with self._lock:
            return {name: self._watermarks.setdefault(name, self._now) for name in schedules}

    async def stage(self, occurrences: Sequence[Occurrence]) -> list[bool]:
        with self._lock:
            staged = [self._stage(occurrence) for occurrence in occurrences]
        self._work.ring()
        return staged

    def _stage(self, occurrence: Occurrence) -> bool:
        if occurrence.fire_ms <= self._watermarks.get(occurrence.schedule, 0):
            return False
        self._watermarks[occurrence.schedule] = occurrence.fire_ms
        return self._accept(occurrence.job) is Acceptance.CREATED

    async def get(self, job_id: str) -> Snapshot | None:
        with self._lock:
            entry = self._jobs.get(job_id)
            return self._snapshot(entry) if entry else None

    def _snapshot(self, entry: _Entry) -> Snapshot:
        self._lapsed(entry)
        worker = self._workers.get(entry.holder)
        news = worker.news if worker else News()
        return Snapshot(
            job=deliver(entry.job.id, entry.envelope, 0).job,
            state=entry.state,
            now_ms=self._now,
            tries=entry.end.tries if entry.end else entry.tally.tries,
            crashes=entry.tally.crashes,
            due_ms=entry.due_ms,
            expires_ms=entry.expires_ms,
            worker=entry.end.worker if entry.end else (worker.card.worker_id if worker else ""),
            start_ms=entry.end.start_ms if entry.end else news.starts.get(entry.job.id, entry.start_ms),
            progress=news.progress.get(entry.job.id, ()),
            end=entry.end,
            attempts=tuple(entry.tally.history),
        )

    async def wait_end(self, job_id: str, timeout_s: float) -> Snapshot | None:
        deadline = time.monotonic() + timeout_s
        with self._ends.listener() as listener:
            while True:
                snapshot = await self.get(job_id)
                if snapshot and snapshot.state.ended:
                    return snapshot
                left = deadline - time.monotonic()
                if left <= 0 or not await listener.rung(left):
                    raise TimeoutError(f"job {job_id!r} has not ended within {timeout_s} s")

    async def size(self) -> int:
        with self._lock:
            return sum(entry.state in WAITING for entry in self._jobs.values())

    async def counts(self) -> dict[State, int]:
        with self._lock:
            return {state: len(self._in(state)) for state in State}

    async def page(self, query: Query) -> Page:
        with self._lock:
            rows = [entry for state in query.states for entry in self._in(state) if self._matches(entry, query)]
            rows.sort(key=lambda entry: entry.shown_ms, reverse=True)
            shown = rows[query.offset : query.offset + query.limit]
            return Page([self._snapshot(entry) for entry in shown], len(rows))

    def _matches(self, entry: _Entry, query: Query) -> bool:
        name = f"{entry.job.id}\n{entry.job.task}".lower()
        return (
            (not query.task or entry.job.task == query.task)
            and query.text.lower() in name
            and query.since_ms <= entry.shown_ms
            and (not query.until_ms or entry.shown_ms < query.until_ms)
        )

    async def workers(self) -> list[WorkerRow]:
        with self._lock:
            return [WorkerRow(row.card, row.lease_end_ms, self._now, row.news) for row in self._workers.values()]

    async def abort(self, ids: Sequence[str]) -> list[Answer]:
        with self._lock:
            return [self._abort(job_id) for job_id in ids]

    def _abort(self, job_id: str) -> Answer:
        entry = self._jobs.get(job_id)
        answer, _ = apply(Verb.ABORT, entry.state if entry else None)
        if entry and answer is Answer.DONE:
            if entry.state is State.RUNNING:
                entry.abort_asked = True
                command = Command(Order.ABORT, job_id, entry.claim)
                self._workers[entry.holder].mail.append(command)
                self._post.ring()
            else:
                self._finish_waiting(entry, State.ABORTED, "aborted before it started")
        return answer

    async def replay(self, ids: Sequence[str]) -> list[Answer]:
        with self._lock:
            return [self._replay(job_id) for job_id in ids]

    def _replay(self, job_id: str) -> Answer:
        entry = self._jobs.get(job_id)
        answer, _ = apply(Verb.REPLAY, entry.state if entry else None)
        if entry and answer is Answer.DONE:
            entry.tally = Tally(history=entry.tally.history)
            entry.end, entry.expires_ms, entry.due_ms = None, 0, self._now
            self._queue(entry)
            self._work.ring()
        return answer

    async def reschedule(self, ids: Sequence[str], due_ms: int) -> list[Answer]:
        with self._lock:
            return [self._reschedule(job_id, due_ms) for job_id in ids]

    def _reschedule(self, job_id: str, due_ms: int) -> Answer:
        entry = self._jobs.get(job_id)
        answer, state = apply(Verb.RESCHEDULE, entry.state if entry else None)
        if entry and state and answer is Answer.DONE:
            self._schedule(entry, state, due_ms)
            self._work.ring()
        return answer

    async def delete(self, ids: Sequence[str]) -> list[Answer]:
        with self._lock:
            return [self._delete(job_id) for job_id in ids]

    def _delete(self, job_id: str) -> Answer:
        entry = self._jobs.get(job_id)
        answer, _ = apply(Verb.DELETE, entry.state if entry else None)
        if answer is Answer.DONE:
            del self._jobs[job_id]
        return answer

    async def pause(self) -> None:
        self._paused = True

    async def resume(self) -> None:
        self._paused = False
        self._work.ring()

    async def paused(self) -> bool:
        return self._paused

    async def clear(self) -> int:
        with self._lock:
            waiting = [job_id for job_id, entry in self._jobs.items() if entry.state in WAITING]
            for job_id in waiting:
                del self._jobs[job_id]
            return len(waiting)

    async def durability(self) -> str:
        return "memory: everything is lost when the process ends"
