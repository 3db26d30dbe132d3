"""What must hold after the storm, and how often it did not."""

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from ardiq_django import app
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot
from drills.storm.acts import CUT, ENDED, KILLED, LOST_REPLY, OUTAGE, PARTED, SCRIPTS, STOPPED, TERMINATED, Acts
from drills.storm.causes import Causes
from drills.storm.journal import Attempt
from drills.storm.producer import Producers
from drills.storm.seats import Reign
from drills.table import Table

CONSUMES_WITHIN_S = 5.0
ABORT_WITHIN_S = 1.0  # of an abort's answer, what the broker had handed out before has begun


class Verdict:
    """Judges one storm. Each finding that is a violation is also told in a sentence."""

    def __init__(self, producers: Producers, found: Mapping[str, Snapshot | None], causes: Causes, acts: Acts) -> None:
        self._producers = producers
        self.found = found
        self._journal = causes.journal
        self._causes = causes
        self._acts = acts
        self._orders = {one.order.job_id: one.order for one in producers.accepted}
        self._by_job = self._journal.by_job
        self.sentences: list[str] = []

    def tell(self, table: Table) -> None:
        """All of it."""
        self.tell_of_faults(table)
        self.tell_of_jobs(table)
        self.tell_of_attempts(table)
        self.tell_of_failures(table)
        self.tell_of_recovery(table)

    def tell_of_faults(self, table: Table) -> None:
        """How hard the storm was."""
        for kind, what in (
            (KILLED, "workers killed"),
            (TERMINATED, "workers told to stop"),
            (STOPPED, "workers frozen"),
            (PARTED, "wires fallen silent"),
            (LOST_REPLY, "replies lost"),
            (OUTAGE, "broker killed"),
            (CUT, "times connections were cut at the server"),
            (SCRIPTS, "times scripts were forgotten"),
        ):
            table.count(what, len(self._acts.of(kind)))
        table.count("worker processes that ended", len(self._acts.of(ENDED)))
        self._none(table, "of these, by themselves and not with 0", self._strange_codes())

    def _strange_codes(self) -> Iterator[str]:
        killed = {act.pid for act in self._acts.of(KILLED)} | {attempt.pid for attempt in self._poisonings()}
        for act in self._acts.of(ENDED):
            if act.code and act.pid not in killed:
                yield f"worker {act.pid} ended with code {act.code}"

    def tell_of_jobs(self, table: Table) -> None:
        """That each was kept, and ended once."""
        accepted = self._producers.accepted
        table.count("enqueues accepted", len(accepted))
        table.count("of these, said again after no answer", sum(one.repeats > 0 for one in accepted))
        table.count("jobs", len(self.found))
        ends = Counter("none" if one is None else str(one.state) for one in self.found.values())
        for state in (State.SUCCEEDED, State.ABORTED, State.FAILED):
            table.count(f"jobs that {state}" if state is State.SUCCEEDED else f"jobs {state}", ends[str(state)])
        self._none(table, "lost: accepted, and without an end", self._lost())
        created = Counter(one.order.job_id for one in accepted if one.created)
        self._none(table, "made twice", (f"{job_id} was created twice" for job_id, n in created.items() if n > 1))
        strange = set(self._by_job) - set(self._orders)
        self._none(table, "run, and accepted by nobody", (f"{job_id} is nobody's" for job_id in strange))

    def _lost(self) -> Iterator[str]:
        for job_id, snapshot in self.found.items():
            if snapshot is None or not snapshot.state.ended or snapshot.end is None:
                yield f"{job_id} is lost: {snapshot and snapshot.state}; it ran {self._by_job.get(job_id)}"

    def tell_of_attempts(self, table: Table) -> None:
        """That each rerun has a cause, and only the last claim wrote."""
        table.count("attempts that began", len(self._journal.attempts))
        pairs = [pair for attempts in self._by_job.values() for pair in pairwise(attempts)]
        why = Counter(self._causes.of_rerun(*pair) for pair in pairs)
        for cause, number in sorted(why.items()):
            if cause:
                table.count(f"run again: {cause}", number)
        none = [pair for pair in pairs if not self._causes.of_rerun(*pair)]
        self._none(table, "run again without a cause", (f"no cause: {before} then {after}" for before, after in none))
        overlaps = [pair for pair in pairs if self._causes.end_s(pair[0]) > pair[1].began_s]
        table.count("attempts that overlapped", len(overlaps))
        bare = [pair for pair in overlaps if not self._causes.of_overlap(*pair)]
        self._none(table, "overlapped, and nobody was cut off", (f"overlap: {one} and {two}" for one, two in bare))
        self._none(table, "stale writes accepted", self._stale())
        self._none(table, "begun after they were aborted", self._begun_after_abort())

    def _stale(self) -> Iterator[str]:
        for job_id, snapshot in self.found.items():
            if snapshot is None or snapshot.state is not State.SUCCEEDED or snapshot.end is None:
                continue
            nonce = app.decode(snapshot.end.value or b"")
            writer, last = self._journal.attempts.get(nonce), self._by_job[job_id][-1]
            if writer is None or writer.job_id != job_id or writer.rank < last.rank:
                yield f"{job_id}: its record is of {writer}, its last attempt was {last}"
            elif snapshot.end.claim.rpartition(".")[2] != str(writer.claim):
                yield f"{job_id}: its record is of claim {snapshot.end.claim}, its value of {writer}"

    def _begun_after_abort(self) -> Iterator[str]:
        for abort in self._producers.aborts:
            for attempt in self._by_job.get(abort.order.job_id, ()):
                deaf_s = self._causes.processes[attempt.pid].deaf_s(abort.at_s - 1.0, attempt.began_s)
                if attempt.began_s > abort.at_s + ABORT_WITHIN_S + deaf_s:
                    yield f"{abort} and yet {attempt}"

    def tell_of_failures(self, table: Table) -> None:
        """That the poison failed after its limit, and nobody else did."""
        poison = [order for order in self._orders.values() if order.is_poison]
        failed = {job_id for job_id, one in self.found.items() if one and one.state is State.FAILED}
        innocents = failed - {order.job_id for order in poison}
        self._none(table, "innocents failed", (f"{job_id} failed: {self.found[job_id]}" for job_id in innocents))
        self._none(table, "poison that did not end as failed, after its limit", self._unpunished())
        table.count("workers killed by the poison", len(self._poisonings()))
        self._none(table, "succeeded with another number of attempts", self._wrong_tries())

    def _poisonings(self) -> Sequence[Attempt]:
        poison = {order.job_id for order in self._orders.values() if order.is_poison}
        return [one for one in self._journal.attempts.values() if one.job_id in poison]

    def _unpunished(self) -> Iterator[str]:
        from django.conf import settings

        limit = settings.ARDIQ["fragile"]["MAX_CRASHES"]
        for order in self._orders.values():
            one = self.found[order.job_id] if order.is_poison else None
            if order.is_poison and (
                one is None or one.state is not State.FAILED or one.crashes != limit or len(self._poisonings()) > limit
            ):
                yield f"the poison: {one}, which ran {self._poisonings()}"

    def _wrong_tries(self) -> Iterator[str]:
        for job_id, one in self.found.items():
            wanted = self._orders[job_id].failures + 1
            if one and one.end and one.state is State.SUCCEEDED and one.end.tries != wanted:
                yield f"{job_id} took {one.end.tries} attempts, not {wanted}"

    def tell_of_recovery(self, table: Table) -> None:
        """How soon each worker consumed again after the broker was back."""
        waits = list(self._waits())
        table.count("workers that came through an outage", len(waits))
        if waits:
            table.figure("broker's return to first job, median", statistics.median(waits), "s")
            table.at_most("broker's return to first job, longest", max(waits), CONSUMES_WITHIN_S, "s")

    def _waits(self) -> Iterator[float]:
        begins: dict[int, list[float]] = {}
        for attempt in self._journal.attempts.values():
            begins.setdefault(attempt.pid, []).append(attempt.began_s)
        for outage in self._acts.of(OUTAGE):
            for reign in self._causes.reigns:
                later = (at_s for at_s in begins.get(reign.pid, ()) if at_s > outage.until_s)
                first_s = min(later, default=float("inf"))
                if self._is_undisturbed(reign, outage.since_s, min(first_s, outage.until_s + CONSUMES_WITHIN_S)):
                    yield first_s - outage.until_s

    def _is_undisturbed(self, reign: Reign, since_s: float, until_s: float) -> bool:
        process = self._causes.processes[reign.pid]
        if reign.serves_since_s > since_s or process.ended_s < until_s:
            return False
        if any(at_s < until_s for at_s in process.told_to_stop_s):
            return False
        others = (act for act in self._acts.of(STOPPED, PARTED) if act.concerns(reign.seat, reign.pid))
        return not any(act.until_s > since_s and act.since_s < until_s for act in others)

    def _none(self, table: Table, what: str, sentences: Iterator[str] | Any) -> None:
        told = list(sentences)
        self.sentences += told
        table.none(what, len(told))
