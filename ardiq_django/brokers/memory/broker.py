"""The verbs of the memory broker: each takes the lock, moves jobs by the state table, and lets go."""

import itertools
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence

from ardiq_django.brokers.base import Broker, QueueRules
from ardiq_django.brokers.bell import Bell
from ardiq_django.brokers.clearing import Clearing
from ardiq_django.brokers.durability import Durability
from ardiq_django.brokers.memory import reading
from ardiq_django.brokers.memory.buckets import Buckets
from ardiq_django.brokers.memory.clearing import Chosen
from ardiq_django.brokers.memory.entry import Entry, Registration
from ardiq_django.brokers.memory.jobs import Jobs
from ardiq_django.brokers.memory.schedules import Declared, MemorySchedules
from ardiq_django.clock import now_ms
from ardiq_django.exceptions import LeaseLost
from ardiq_django.results import State
from ardiq_django.snapshot import Page, Query, Snapshot, Totals, Vitals, WorkerRow
from ardiq_django.states import WAITING
from ardiq_django.statistics import Figures, Point, Resolution
from ardiq_django.stored import deliver
from ardiq_django.wire import (
    Acceptance,
    Amendment,
    Answer,
    Beat,
    Command,
    Delivery,
    Exchange,
    News,
    Occurrence,
    Order,
    Requeued,
    Retrying,
    StagedJob,
    Turn,
    WorkerCard,
)


class MemoryBroker(Broker):
    """One process, nothing kept after it; nothing here is fast or durable on purpose. Time is injected."""

    def __init__(self, address: str, rules: QueueRules, clock: Callable[[], int] = now_ms) -> None:
        super().__init__(address, rules)
        self._clock = clock
        self._lock = threading.RLock()
        self._work, self._post, self._ends = Bell(), Bell(), Bell()
        self._jobs = Jobs(rules, self._now, self._ends.ring)
        self._chosen = Chosen()
        self._workers: dict[str, Registration] = {}
        self._declared = Declared()
        self.schedules = MemorySchedules(self._jobs, self._declared, self._lock, self._now, self._work.ring)
        self._buckets = Buckets()
        self._paused = False

    def _now(self) -> int:
        return self._clock() + self.skew_ms

    async def close(self) -> None:
        """Nothing to let go of."""

    async def enqueue(self, jobs: Sequence[StagedJob]) -> list[Acceptance]:
        with self._lock:
            answers = self._jobs.accept_if_room(jobs)
        self._work.ring()
        return answers

    async def register(self, card: WorkerCard) -> None:
        with self._lock:
            self._workers.setdefault(card.epoch, Registration(card, self._now() + self.rules.lease_ms))

    async def leave(self, epoch: str) -> None:
        with self._lock:
            self._jobs.put_back(epoch)
            self._forget(epoch)
        self._work.ring()

    def _forget(self, epoch: str) -> None:
        self._workers.pop(epoch, None)
        self._chosen.end(epoch)

    def _worker(self, epoch: str) -> Registration:
        worker = self._workers.get(epoch)
        if worker is None:
            raise LeaseLost(f"worker epoch {epoch} is not registered, or was reaped")
        return worker

    def _renewed(self, epoch: str) -> Registration:
        worker = self._worker(epoch)
        worker.lease_end_ms = self._now() + self.rules.lease_ms
        return worker

    async def exchange(self, turn: Exchange) -> Turn:
        with self._lock:
            worker, chosen = self._renewed(turn.epoch), dict(self._chosen.draining)
            if turn.call > worker.call:
                answers = self._jobs.settle(turn)
                self._jobs.promote()
                worker.turn = Turn(answers, self._claim(turn), self._jobs.next_due_ms())
                worker.call = turn.call
            # sleepers must know of jobs that are left over, and of new times to look at the clock
            scheduled = any(isinstance(outcome, Retrying | Requeued) for outcome in turn.outcomes)
            if scheduled or any(self._jobs.lanes.values()) or self._may_free_a_suspect(turn, worker.turn, chosen):
                self._work.ring()
            return worker.turn

    def _may_free_a_suspect(self, turn: Exchange, answer: Turn, chosen: Mapping[str, bool]) -> bool:
        # where nothing has changed, those for whom there is no room would wake each other for ever
        has_changed = turn.outcomes or answer.deliveries or chosen != self._chosen.draining
        return bool(has_changed and self._jobs.suspects_waiting())

    def _claim(self, turn: Exchange) -> list[Delivery]:
        if self._paused or not turn.want:
            if not turn.held or self._chosen.draining.get(turn.epoch):
                self._chosen.end(turn.epoch)
            return []
        if (alone := self._clear_suspects(turn)) is not None:
            return alone
        found: list[Delivery] = []
        for lane in turn.lanes:
            quota = min(turn.want - len(found), turn.caps.get(lane, turn.want))
            if line := self._jobs.lanes.get(lane):
                found += itertools.islice(self._jobs.take(turn, line), quota)
        return found

    def _clear_suspects(self, turn: Exchange) -> list[Delivery] | None:
        """The suspect this worker is to run alone; nothing while it holds anything; None if it is not chosen."""
        epoch, holds_any = turn.epoch, turn.held > 0
        if holds_any and self._chosen.draining.get(epoch) is False:
            return []
        if not self._clearing(epoch).has_room(holds_any=holds_any):
            self._chosen.end(epoch)
            return None
        self._chosen.begin(epoch, draining=holds_any)
        return [] if holds_any else [next(self._jobs.take(turn, self._jobs.suspects))]

    def _clearing(self, epoch: str) -> Clearing:
        return self._chosen.as_seen_by(epoch, self._workers, self._jobs.suspects_waiting())

    async def wait(self, epoch: str, timeout_s: float) -> None:
        with self._work.listener() as listener:
            with self._lock:
                ready, due = self._ready_for(epoch), self._jobs.next_due_ms()
            if not ready:
                await listener.rung(timeout_s if due is None else min(timeout_s, due / 1000))

    def _ready_for(self, epoch: str) -> bool:
        if self._paused:
            return False
        draining, holds_any = self._chosen.draining.get(epoch), bool(self._jobs.held_by(epoch))
        finds_others = any(self._jobs.lanes.values())
        return self._clearing(epoch).is_worth_a_turn(draining, holds_any=holds_any, finds_others=finds_others)

    async def listen(self, epoch: str, timeout_s: float) -> list[Command]:
        with self._post.listener() as listener:
            worker = self._workers.get(epoch)
            if not (worker and worker.mail):
                await listener.rung(timeout_s)
            with self._lock:
                mail = worker.mail if worker else []
                if worker:
                    worker.mail = []
                return mail

    async def beat(self, epoch: str, call: int, held: Mapping[str, int], news: News) -> Beat:
        with self._lock:
            worker = self._renewed(epoch)
            worker.news = news
            mine = {entry.job.id: entry for entry in self._jobs.held_by(epoch)}
            lost = [job_id for job_id, claim in held.items() if job_id not in mine or mine[job_id].claim != claim]
            unknown = [
                deliver(job_id, entry.envelope, entry.claim, entry.tally)
                for job_id, entry in mine.items()
                if entry.claim <= call and held.get(job_id) != entry.claim
            ]
            aborts = [job_id for job_id, entry in mine.items() if entry.abort_asked]
            return Beat(lost, aborts, unknown)

    async def renew(self, epoch: str) -> None:
        with self._lock:
            self._renewed(epoch)

    async def report(self, epoch: str, number: int, figures: Mapping[str, Figures]) -> None:
        with self._lock:
            worker = self._worker(epoch)
            if number > worker.reported:
                worker.reported = number
                self._buckets.add(figures, self._now())

    async def tell(self, epoch: str, command: Command) -> bool:
        with self._lock:
            worker = self._workers.get(epoch)
            if worker:
                worker.mail.append(command)
        self._post.ring()
        return worker is not None

    async def reap(self, dead: Collection[str] = ()) -> int:
        taken = 0
        with self._lock:
            for epoch, worker in list(self._workers.items()):
                if epoch in dead if dead else worker.lease_end_ms <= self._now():
                    self._forget(epoch)
                    taken += self._jobs.take_back(worker)
        self._work.ring()
        return taken

    async def sweep(self) -> None:
        with self._lock:
            self._jobs.prune()
            self._buckets.prune(self._now())

    async def now_ms(self) -> int:
        return self._now()

    async def watermarks(self, schedules: Sequence[str]) -> dict[str, int]:
        with self._lock:
            return {name: self._declared.marks.setdefault(name, self._now()) for name in schedules}

    async def stage(self, occurrences: Sequence[Occurrence]) -> list[bool]:
        with self._lock:
            staged = [self._stage(occurrence) for occurrence in occurrences]
        self._work.ring()
        return staged

    def _stage(self, occurrence: Occurrence) -> bool:
        name, declared = occurrence.schedule, self._declared
        if occurrence.fire_ms <= declared.marks.get(name, 0):
            return False
        declared.marks[name] = occurrence.fire_ms
        if name in declared.off or (occurrence.coalesce and self._jobs.is_unfinished(declared.staged.get(name, ""))):
            return False
        declared.staged[name] = occurrence.job.id
        return self._jobs.accept(occurrence.job) is Acceptance.CREATED

    async def get(self, job_id: str) -> Snapshot | None:
        with self._lock:
            entry = self._jobs.entries.get(job_id)
            return self._snapshot(entry) if entry else None

    def _snapshot(self, entry: Entry) -> Snapshot:
        self._jobs.has_lapsed(entry)
        return entry.snapshot(self._now(), self._workers.get(entry.holder))

    async def wait_end(self, job_id: str, timeout_s: float) -> Snapshot | None:
        deadline = time.monotonic() + timeout_s
        with self._ends.listener(job_id) as listener:
            while True:
                snapshot = await self.get(job_id)
                if snapshot and snapshot.state.ended:
                    return snapshot
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"job {job_id!r} has not ended within {timeout_s} s")
                # the end of a window rings no bell
                window = snapshot.expires_ms - snapshot.now_ms if snapshot and snapshot.expires_ms else left * 1000
                await listener.rung(min(left, max(0.001, window / 1000)))

    async def size(self) -> int:
        with self._lock:
            return len(self._jobs.in_state(*WAITING))

    async def counts(self) -> dict[State, int]:
        with self._lock:
            return reading.counts(self._jobs)

    async def vitals(self) -> Vitals:
        with self._lock:
            return reading.vitals(self._jobs, self._now(), self._paused)

    async def count(self, query: Query) -> Totals:
        with self._lock:
            return reading.count(self._jobs, query)

    async def page(self, query: Query) -> Page:
        with self._lock:
            rows = reading.listed(self._jobs, query)
            shown = rows[query.offset : query.offset + query.limit]
            return Page([self._snapshot(entry) for entry in shown], len(rows))

    async def ahead(self, job: StagedJob) -> int | None:
        with self._lock:
            return reading.ahead(self._jobs, job)

    async def workers(self) -> list[WorkerRow]:
        with self._lock:
            return [WorkerRow(row.card, row.lease_end_ms, self._now(), row.news) for row in self._workers.values()]

    async def points(self, resolution: Resolution, since_ms: int, until_ms: int, task: str = "") -> list[Point]:
        with self._lock:
            return self._buckets.points(resolution, resolution.starts(since_ms, until_ms, self._now()), task)

    async def abort(self, ids: Sequence[str]) -> list[Answer]:
        with self._lock:
            return [self._abort(job_id) for job_id in ids]

    def _abort(self, job_id: str) -> Answer:
        answer, running = self._jobs.abort(job_id)
        if running:
            self._workers[running.holder].mail.append(Command(Order.ABORT, job_id, running.claim))
            self._post.ring()
        return answer

    async def replay(self, ids: Sequence[str]) -> list[Answer]:
        with self._lock:
            answers = [self._jobs.replay(job_id) for job_id in ids]
        self._work.ring()
        return answers

    async def reschedule(self, ids: Sequence[str], due_ms: int) -> list[Answer]:
        with self._lock:
            answers = [self._jobs.reschedule(job_id, due_ms) for job_id in ids]
        self._work.ring()
        return answers

    async def amend(self, changes: Sequence[Amendment]) -> list[Answer]:
        with self._lock:
            answers = [self._jobs.amend(change) for change in changes]
        self._work.ring()
        return answers

    async def delete(self, ids: Sequence[str]) -> list[Answer]:
        with self._lock:
            return [self._jobs.delete(job_id) for job_id in ids]

    async def pause(self) -> None:
        self._paused = True

    async def resume(self) -> None:
        self._paused = False
        self._work.ring()

    async def paused(self) -> bool:
        return self._paused

    async def clear(self) -> int:
        with self._lock:
            waiting = self._jobs.in_state(*WAITING)
            for entry in waiting:
                del self._jobs.entries[entry.job.id]
            return len(waiting)

    async def durability(self) -> Durability:
        return Durability("memory: everything is lost when the process ends", "give the queue another BROKER")
