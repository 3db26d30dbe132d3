"""The jobs of one queue, where each stands, and every move between the states: the state table at work."""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from ardiq_django.brokers.memory.entry import Entry, Registration
from ardiq_django.config import QueueRules
from ardiq_django.results import ENDED, Attempt, State
from ardiq_django.states import TABLE, WAITING, Verb, apply, verb_of
from ardiq_django.stored import Tally, amended, deliver
from ardiq_django.wire import (
    Aborted,
    Acceptance,
    Amendment,
    Answer,
    Delivery,
    End,
    Exchange,
    Failed,
    Outcome,
    Requeued,
    Retrying,
    StagedJob,
    Succeeded,
    end_of,
    pack,
)

PROMOTED_AT_ONCE = 200
ABORTED_RUNNING = "aborted while it ran"
WORKER_LOST = "the worker died or was cut off longer than its lease"


class Jobs:
    """Not locked: its broker holds the lock around every call. `now` is the broker's clock, `ended` is told of ends."""

    def __init__(self, rules: QueueRules, now: Callable[[], int], ended: Callable[[str], None]) -> None:
        self._rules = rules
        self._now = now
        self._ended = ended
        self._last_ticket = 0
        self._due: list[tuple[int, int, str]] = []
        self._released: list[Entry] = []  # by the turn at hand
        self.entries: dict[str, Entry] = {}
        self.lanes: dict[str, deque[tuple[str, int]]] = {}
        self.suspects: deque[tuple[str, int]] = deque()

    def in_state(self, *states: State) -> list[Entry]:
        return [entry for entry in self.entries.values() if entry.state in states]

    def held_by(self, epoch: str) -> list[Entry]:
        """What a worker holds, in the order it was handed out."""
        held = [entry for entry in self.in_state(State.RUNNING) if entry.holder == epoch]
        return sorted(held, key=lambda entry: entry.ticket)

    def suspects_waiting(self) -> int:
        """How many jobs with crashes are queued."""
        return sum(entry.tally.crashes > 0 for entry in self.in_state(State.QUEUED))

    def is_unfinished(self, job_id: str) -> bool:
        entry = self.entries.get(job_id)
        return entry is not None and not self.has_lapsed(entry) and not entry.state.ended

    def accept_if_room(self, jobs: Sequence[StagedJob]) -> list[Acceptance]:
        """Take in jobs that came together: under `max_queue` all that are new, or none of them."""
        met = [self._met(job) for job in jobs] if self._rules.max_queue else []
        new = {job.id for job, word in zip(jobs, met, strict=False) if word is None}
        waiting = [entry for entry in self.in_state(*WAITING) if not self.has_lapsed(entry)] if new else []
        if new and len(waiting) + len(new) > self._rules.max_queue:
            return [word or Acceptance.FULL for word in met]
        return [self.accept(job) for job in jobs]

    def _met(self, job: StagedJob) -> Acceptance | None:
        known = self._known(job.id)
        return self._refusal(known, job) if known else None

    def accept(self, job: StagedJob) -> Acceptance:
        if refusal := self._met(job):
            return refusal
        known = self.entries.get(job.id)
        now = self._now()
        due = max(now + job.delay_ms, job.schedule_ms)
        expires = now + job.expire_ms if job.expire_ms else 0
        tally = Tally(history=known.tally.history) if known else Tally()
        entry = Entry(job, pack(job), State.SCHEDULED, due, expires, tally=tally)
        self.entries[job.id] = entry
        if due > now:
            self._schedule(entry, State.SCHEDULED, due)
        else:
            self._queue(entry)
        return Acceptance.CREATED

    def _refusal(self, known: Entry, job: StagedJob) -> Acceptance | None:
        if known.job.identity == job.identity:
            return Acceptance.EXISTING
        if known.state.ended and not known.is_unique_at(self._now()):
            return None if job.replaces else Acceptance.CONFLICT
        same = job.digest and known.job.digest == job.digest
        return Acceptance.EXISTING if same else Acceptance.CONFLICT

    def _next_ticket(self) -> int:
        self._last_ticket += 1
        return self._last_ticket

    def _queue(self, entry: Entry, head: bool = False) -> None:
        entry.state, entry.holder, entry.start_ms = State.QUEUED, "", 0
        entry.ticket = self._next_ticket()
        line = self.suspects if entry.tally.crashes else self.lanes.setdefault(entry.job.lane, deque())
        (line.appendleft if head else line.append)((entry.job.id, entry.ticket))

    def _schedule(self, entry: Entry, state: State, due_ms: int) -> None:
        entry.state, entry.holder, entry.start_ms, entry.due_ms = state, "", 0, due_ms
        entry.ticket = self._next_ticket()
        heapq.heappush(self._due, (due_ms, entry.ticket, entry.job.id))

    def _finish(self, entry: Entry, end: End) -> None:
        entry.state, entry.end, entry.holder = end.state, end, ""
        self._ended(entry.job.id)

    def _finish_unrun(self, entry: Entry, state: State, reason: str) -> None:
        tally, ttl = entry.tally, self._rules.result_ttl_ms
        self._finish(entry, End(state, tally.tries, tally.crashes, 0, self._now(), "", "", ttl, reason))

    def settle(self, turn: Exchange) -> list[Answer]:
        """Every outcome of a turn; what was released goes back together, in the order it had."""
        answers = [self._settle(turn, outcome) for outcome in turn.outcomes]
        self._to_head(self._released)
        self._released.clear()
        return answers

    def _settle(self, turn: Exchange, outcome: Outcome) -> Answer:
        delivery = outcome.delivery
        entry = self.entries.get(delivery.job.id)
        if entry is None:
            return Answer.GONE
        if (entry.holder, entry.claim) != (turn.epoch, delivery.claim):
            return Answer.STALE
        answer, state = apply(verb_of(outcome), entry.state, entry.abort_asked)
        if answer is Answer.DONE and state:
            self._write(entry, turn, outcome, state)
        return answer

    def _write(self, entry: Entry, turn: Exchange, outcome: Outcome, state: State) -> None:
        tally = entry.tally
        if state is State.ABORTED and not isinstance(outcome, Aborted):
            self._finish_unrun(entry, State.ABORTED, ABORTED_RUNNING)
            return
        match outcome:
            case Succeeded():
                self._finish(entry, end_of(outcome, turn.worker_id, turn.epoch))
            case Failed(attempt=attempt) | Aborted(attempt=attempt):
                entry.tally = replace(tally, history=(*tally.history, attempt))
                self._finish(entry, end_of(outcome, turn.worker_id, turn.epoch))
            case Retrying(attempt=attempt, delay_ms=delay):
                entry.tally = Tally(tally.tries + 1, 0, tally.requeues, (*tally.history, attempt))
                self._schedule(entry, state, self._now() + delay)
            case Requeued(delay_ms=delay):
                entry.tally = replace(tally, crashes=0, requeues=tally.requeues + 1)
                self._schedule(entry, state, self._now() + delay)
            case _:
                entry.state, entry.holder = state, ""
                self._released.append(entry)

    def put_back(self, epoch: str) -> None:
        """Everything an epoch holds, unspent."""
        held = self.held_by(epoch)
        for entry in held:
            if entry.abort_asked:
                self._finish_unrun(entry, State.ABORTED, ABORTED_RUNNING)
        self._to_head(entry for entry in held if not entry.state.ended)

    def _to_head(self, entries: Iterable[Entry]) -> None:
        for entry in reversed(list(entries)):
            self._queue(entry, head=True)

    def take_back(self, worker: Registration) -> int:
        """Everything a dead worker held, with one crash more."""
        held = self.held_by(worker.card.epoch)
        for entry in reversed(held):
            self._take_back(entry, worker)
        return len(held)

    def _take_back(self, entry: Entry, worker: Registration) -> None:
        tally, start = entry.tally, worker.news.starts.get(entry.job.id, entry.start_ms)
        crashes = tally.crashes + 1
        lost = Attempt(tally.tries + 1, "crashed", start, self._now(), worker.card.worker_id, "WorkerLost", WORKER_LOST)
        entry.tally = replace(tally, crashes=crashes, history=(*tally.history, lost))
        if entry.abort_asked:
            self._finish_unrun(entry, State.ABORTED, ABORTED_RUNNING)
        elif crashes < self._rules.max_crashes:
            self._queue(entry, head=True)
        else:
            self._finish_unrun(entry, State.FAILED, f"its worker was lost {crashes} times while it ran")

    def promote(self) -> None:
        for _ in range(PROMOTED_AT_ONCE):
            if not self._due or self._due[0][0] > self._now():
                return
            place = heapq.heappop(self._due)
            if self._is_due_of(*place):
                self._queue(self.entries[place[2]])

    def next_due_ms(self) -> int | None:
        """How long until the next scheduled job is due."""
        while self._due and not self._is_due_of(*self._due[0]):
            heapq.heappop(self._due)
        return max(0, self._due[0][0] - self._now()) if self._due else None

    def standing(self, lane: str) -> Iterator[str]:
        """The ids of the queued jobs of a lane, the next one first."""
        for job_id, ticket in self.lanes.get(lane, ()):
            entry = self.entries.get(job_id)
            if entry and entry.ticket == ticket and entry.state is State.QUEUED:
                yield job_id

    def _is_due_of(self, due_ms: int, ticket: int, job_id: str) -> bool:
        entry = self.entries.get(job_id)
        return entry is not None and entry.ticket == ticket and entry.state in TABLE[Verb.PROMOTE]

    def take(self, turn: Exchange, line: deque[tuple[str, int]]) -> Iterator[Delivery]:
        """Hand out the jobs of a lane, or the suspects, one after the other; places that became void are skipped."""
        while line:
            job_id, ticket = line.popleft()
            entry = self.entries.get(job_id)
            if entry and entry.ticket == ticket and entry.state is State.QUEUED and not self.has_lapsed(entry):
                yield self._hand_out(turn, entry)

    def _hand_out(self, turn: Exchange, entry: Entry) -> Delivery:
        entry.state, entry.holder, entry.claim = State.RUNNING, turn.epoch, turn.call
        entry.ticket = self._next_ticket()
        entry.start_ms, entry.expires_ms, entry.abort_asked = self._now(), 0, False
        return deliver(entry.job.id, entry.envelope, turn.call, entry.tally)

    def has_lapsed(self, entry: Entry) -> bool:
        """Whether the window of a job is over; it ends then."""
        over = bool(entry.expires_ms) and entry.expires_ms <= self._now()
        if over and entry.state in TABLE[Verb.EXPIRE]:
            self._finish_unrun(entry, State.EXPIRED, f"expired: not started within {entry.job.expire_ms} ms")
        return over

    def _known(self, job_id: str) -> Entry | None:
        entry = self.entries.get(job_id)
        if entry:
            self.has_lapsed(entry)
        return entry

    def abort(self, job_id: str) -> tuple[Answer, Entry | None]:
        """The answer, and the entry if it runs and its worker is to be told."""
        entry = self._known(job_id)
        answer, state = apply(Verb.ABORT, entry.state if entry else None)
        if entry is None or answer is not Answer.DONE:
            return answer, None
        if state is State.RUNNING:
            entry.abort_asked = True
            return answer, entry
        self._finish_unrun(entry, State.ABORTED, "aborted before it started")
        return answer, None

    def replay(self, job_id: str) -> Answer:
        entry = self._known(job_id)
        answer, _ = apply(Verb.REPLAY, entry.state if entry else None)
        if entry and answer is Answer.DONE:
            entry.tally = Tally(history=entry.tally.history)
            entry.end, entry.expires_ms, entry.due_ms = None, 0, self._now()
            self._queue(entry)
        return answer

    def reschedule(self, job_id: str, due_ms: int) -> Answer:
        entry = self._known(job_id)
        answer, state = apply(Verb.RESCHEDULE, entry.state if entry else None)
        if entry and state and answer is Answer.DONE:
            self._schedule(entry, state, due_ms)
        return answer

    def amend(self, change: Amendment) -> Answer:
        entry = self._known(change.was.id)
        answer, _ = apply(Verb.AMEND, entry.state if entry else None)
        if entry is None or answer is not Answer.DONE:
            return answer
        answer, entry.envelope = amended(entry.envelope, change)
        if answer is Answer.DONE:
            moves, entry.job = entry.job.lane != change.lane, change.job
            if moves and entry.state is State.QUEUED and not entry.tally.crashes:
                self._join(entry)
        return answer

    def _join(self, entry: Entry) -> None:
        """Come into its lane from another one, before those that are younger."""
        line, younger = self.lanes.setdefault(entry.job.lane, deque()), None
        for job_id in self.standing(entry.job.lane):
            if self.entries[job_id].due_ms > entry.due_ms:
                younger = job_id, self.entries[job_id].ticket
                break
        entry.ticket = self._next_ticket()
        line.insert(line.index(younger) if younger else len(line), (entry.job.id, entry.ticket))

    def delete(self, job_id: str) -> Answer:
        entry = self._known(job_id)
        answer, _ = apply(Verb.DELETE, entry.state if entry else None)
        if answer is Answer.DONE:
            del self.entries[job_id]
        return answer

    def prune(self) -> None:
        """Expire what waited too long, forget what ended too long ago or is too many."""
        for entry in self.in_state(*TABLE[Verb.EXPIRE]):
            self.has_lapsed(entry)
        for state in ENDED:
            newest = sorted(self.in_state(state), key=lambda entry: entry.shown_ms, reverse=True)
            for rank, entry in enumerate(newest):
                if self._is_over(entry, rank):
                    del self.entries[entry.job.id]

    def _is_over(self, entry: Entry, rank: int) -> bool:
        if entry.is_unique_at(self._now()):
            return False
        age = self._now() - entry.shown_ms
        ttl = entry.end.ttl_ms if entry.end else 0
        # a result may be asked to outlive the history, never the other way round
        pushed_out = rank >= self._rules.kept_max(entry.state) and age >= ttl >= 0
        return pushed_out or age >= max(self._rules.kept_ms(entry.state), ttl)
