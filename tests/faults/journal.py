"""What really happened in a run, written down outside of its broker, and what the broker's records must say of it."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ardiq_django import current_task
from ardiq_django.results import State
from ardiq_django.snapshot import Snapshot
from tests.faults.fault import Process


@dataclass(slots=True)
class Start:
    """A body began."""

    job_id: str
    run: int  # of an id that is used again
    number: int  # of the attempt
    worker: str
    at_s: float
    is_over: bool = False  # and came to its end, while its process lived


@dataclass(slots=True)
class Journal:
    """The starts of all bodies, the jobs that were accepted or may have been, and what may cause a second run."""

    starts: list[Start] = field(default_factory=list)
    accepted: dict[str, frozenset[State]] = field(default_factory=dict)  # id → the ends it may come to
    doubtful: dict[str, frozenset[State]] = field(default_factory=dict)  # whoever enqueued them died before an answer
    cut_off: set[str] = field(default_factory=set)  # workers that died, or stood still longer than their lease
    claims: dict[str, str] = field(default_factory=dict)  # the last of each job, where the broker was watched

    @contextmanager
    def noted(self, process: Process, run: int = 0) -> Iterator[int]:
        """Around a body; gives the number of the attempt."""
        context = current_task()
        start = Start(context.task_id, run, context.tries, process.name, time.monotonic())
        if not process.is_dead:
            self.starts.append(start)
        try:
            yield context.tries
        finally:
            start.is_over = not process.is_dead

    def has_begun(self, job_id: str) -> bool:
        return any(start.job_id == job_id for start in self.starts)

    def has_ended(self, job_id: str, run: int) -> bool:
        return any(start.job_id == job_id and start.run == run and start.is_over for start in self.starts)

    def faults_in(self, kept: Mapping[str, Snapshot]) -> list[str]:
        """A sentence for each record that does not agree with what happened; `kept` is all that is kept, by id."""
        found = [f"{one} was accepted and is gone" for one in self.accepted if one not in kept]
        found += [f"{one} was started and is gone" for one in {s.job_id for s in self.starts} if one not in kept]
        for job_id, snapshot in kept.items():
            found += self._of(job_id, snapshot)
        return found

    def _of(self, job_id: str, job: Snapshot) -> Iterator[str]:
        may_end = {**self.doubtful, **self.accepted}.get(job_id, frozenset({State.SUCCEEDED}))
        starts = [start for start in self.starts if start.job_id == job_id]
        yield from self._twice(starts)
        if job.end is None:
            yield f"{job_id} has not ended: it is {job.state}"
        elif job.state not in may_end:
            yield f"{job_id} ended as {job.state}"
        else:
            last = max((start.run for start in starts), default=0)
            yield from self._against_record(job, [start for start in starts if start.run == last])
        yield from self._crashes(job, starts)

    def _twice(self, starts: Sequence[Start]) -> Iterator[str]:
        """An attempt begins again only if the worker of the other was cut off."""
        attempts: dict[tuple[int, int], list[Start]] = {}
        for start in starts:
            attempts.setdefault((start.run, start.number), []).append(start)
        for (_, number), same in attempts.items():
            living = [start.worker for start in same if start.worker not in self.cut_off]
            if len(living) > 1:
                yield f"{same[0].job_id}: attempt {number} began at {living}, and none of these was cut off"

    def _against_record(self, job: Snapshot, starts: Sequence[Start]) -> Iterator[str]:
        end, job_id = job.end, job.job.id
        if end is None or not end.start_ms:  # no attempt ended it
            if end and end.state is State.SUCCEEDED:
                yield f"{job_id} succeeded, and no attempt did that"
            return
        numbers = {start.number for start in starts}
        if numbers != set(range(1, end.tries + 1)):
            yield f"{job_id}: tries={end.tries}, and the attempts that began are {sorted(numbers)}"
        elif end.worker not in {start.worker for start in starts if start.number == end.tries}:
            yield f"{job_id} was ended by {end.worker}, where attempt {end.tries} never began"
        if self.claims.get(job_id, end.claim) != end.claim:
            yield f"{job_id} was ended by the claim {end.claim}, and its last was {self.claims[job_id]}"

    def _crashes(self, job: Snapshot, starts: Sequence[Start]) -> Iterator[str]:
        crashed = sum(attempt.event == "crashed" for attempt in job.attempts)
        torn = sum(start.worker in self.cut_off and not start.is_over for start in starts)
        if crashed < torn:
            yield f"{job.job.id}: {torn} attempts were torn off, and {crashed} are known as crashed"
        if crashed > len(self.cut_off):
            yield f"{job.job.id}: {crashed} crashes, and {len(self.cut_off)} workers were cut off"
