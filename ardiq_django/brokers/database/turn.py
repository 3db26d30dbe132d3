"""The hot path: one exchange, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ardiq_django.brokers.database.settling import settle
from ardiq_django.brokers.database.tables import Tables
from ardiq_django.brokers.database.upkeep import expire
from ardiq_django.exceptions import LeaseLost
from ardiq_django.models.rows import Claimed, Hand
from ardiq_django.models.worker import Look
from ardiq_django.results import Attempt
from ardiq_django.stored import FRESH, Tally, deliver
from ardiq_django.wire import Answer, Delivery, Exchange, Released, Turn

PROMOTED_AT_ONCE = 200
EXPIRED_AT_ONCE = 200
LETTERS = {answer[0]: answer for answer in Answer}


def exchange(tables: Tables, turn: Exchange) -> Turn:
    """Settle, promote, hand out; a call that was answered before is answered as it was."""
    with tables.atomic():
        return _Turning(tables, turn).answer()


class _Turning:
    """One turn of one worker, whose row is locked while it lasts."""

    def __init__(self, tables: Tables, turn: Exchange) -> None:
        self._tables = tables
        self._turn = turn
        self._look = self._looked()
        self._hand = Hand(tables.queue, turn.epoch, turn.call, self._look.worker_id, self._look.now_ms)

    def _looked(self) -> Look:
        look = self._tables.workers.look(self._tables.queue, self._turn.epoch, self._tables.skew_ms)
        if look is None:
            raise LeaseLost(f"worker epoch {self._turn.epoch} is not registered, or was reaped")
        return look

    def answer(self) -> Turn:
        if self._turn.call <= self._look.call:
            return self._as_before()
        settled = settle(self._tables, self._turn, self._look.now_ms)
        if any(isinstance(one, Released) and one.delivery.crashes for one in self._turn.outcomes):
            self._look = self._looked()  # they are suspects again
        due_ms = self._move(settled.due_ms)
        deliveries = self._claim()
        self._remember(self._turn.call, "".join([answer[0] for answer in settled.answers]))
        return Turn(settled.answers, deliveries, self._until(due_ms))

    def _as_before(self) -> Turn:
        self._remember(self._look.call, self._look.answers)
        lanes = {lane: place for place, lane in enumerate(self._turn.lanes)}
        held = self._tables.jobs.held_by(self._turn.epoch).filter(claim=self._look.call).defer("value")
        jobs = sorted(held, key=lambda job: (lanes.get(job.lane, 0), job.due_ms, job.pk))
        answers = [LETTERS[letter] for letter in self._look.answers]
        return Turn(answers, self._delivered([job.claimed for job in jobs]), self._until(self._look.due_ms))

    def _move(self, settled_due_ms: int | None) -> int | None:
        """Promote what is due, expire what is late; returns when the next job is due."""
        look = self._look
        dues = [due for due in (look.due_ms, settled_due_ms) if due is not None]
        due_ms = min(dues, default=None)
        if look.expires_ms is not None and look.expires_ms <= look.now_ms:
            expire(self._tables, look.now_ms, EXPIRED_AT_ONCE)
        if due_ms is None or due_ms > look.now_ms:
            return due_ms
        self._tables.table.promote(self._tables.queue, look.now_ms, PROMOTED_AT_ONCE)
        self._look = self._looked()  # suspects may be among the promoted
        return self._look.due_ms

    def _claim(self) -> list[Delivery]:
        turn, look = self._turn, self._look
        if look.paused or not turn.want:
            if look.draining or (look.is_chosen and not turn.held):
                self._choose(None)
            return []
        if (alone := self._clear_suspects()) is not None:
            return alone
        found: list[Claimed] = []
        for lane in turn.lanes:
            quota = min(turn.want - len(found), turn.caps.get(lane, turn.want))
            if quota > 0:
                found += self._tables.table.take_ready(self._hand, lane, quota)
        return self._delivered(found)

    def _clear_suspects(self) -> list[Delivery] | None:
        """The suspect this worker is to run alone; nothing while it holds anything; None if it is not chosen."""
        look, held = self._look, self._turn.held
        if not (look.suspects or look.is_chosen):
            return None
        if held and look.is_chosen and not look.draining:
            return []
        self._choose(self._choice())
        if not self._look.is_chosen:
            return None
        if held:
            return []
        if found := self._tables.table.take_suspect(self._hand):
            return self._delivered(found)
        self._choose(None)
        return None

    def _choice(self) -> bool | None:
        """Whether this worker is to drain, or to clear; None if there is no room for one more."""
        draining = self._turn.held > 0
        if not self._has_room():
            return None
        if draining == self._look.draining:
            return draining
        self._tables.queues.hold(self._tables.queue)  # two might be chosen for the last room
        return draining if self._has_room() else None

    def _has_room(self) -> bool:
        return self._tables.clearing(self._turn.epoch).has_room(holds_any=self._turn.held > 0)

    def _choose(self, draining: bool | None) -> None:
        if draining != self._look.draining:
            self._tables.workers.choose(self._turn.epoch, draining)
            self._look = replace(self._look, draining=draining)

    def _delivered(self, rows: Sequence[Claimed]) -> list[Delivery]:
        histories = self._tables.histories([row.key for row in rows if row.has_history])
        claim = self._hand.claim
        return [deliver(row.job_id, bytes(row.envelope), claim, self._tally(row, histories)) for row in rows]

    def _tally(self, row: Claimed, histories: Mapping[int, Sequence[Attempt]]) -> Tally:
        if not (row.has_history or row.requeues):
            return FRESH
        return Tally(row.tries, row.crashes, row.requeues, histories.get(row.key, ()))

    def _remember(self, call: int, answers: str) -> None:
        lease_end = self._look.now_ms + self._tables.rules.lease_ms
        self._tables.workers.remember(self._turn.epoch, call, answers, lease_end)

    def _until(self, due_ms: int | None) -> int | None:
        return None if due_ms is None else max(0, due_ms - self._look.now_ms)
