"""What came of an action: how many jobs of each queue, and of those that were named, each."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ardiq_django.operating.action import Action
from ardiq_django.operating.report import Report
from ardiq_django.operating.selection import WINDOW
from ardiq_django.operating.sheet import Sheet, Tone, number_of, plain
from ardiq_django.results import State
from ardiq_django.wire import Answer

REFUSED = (Answer.STALE, Answer.GONE)


@dataclass(frozen=True, slots=True)
class JobAnswer:
    """One job that was named. `queue` is empty and `state` None where no queue knows it."""

    queue: str
    job_id: str
    state: State | None  # before
    answer: Answer

    def document(self) -> dict[str, Any]:
        state = self.state.value if self.state else None
        return {"queue": self.queue, "id": self.job_id, "state": state, "answer": self.answer.value}


@dataclass(slots=True)
class QueueTally:
    """How many jobs of a queue were meant, and what was answered. `is_capped`: there may be more that match."""

    queue: str
    matched: int
    is_capped: bool = False
    told: int = 0  # running ones among those aborted: their workers have been told
    answers: Counter[Answer] = field(default_factory=Counter)

    def document(self) -> dict[str, Any]:
        answers = {answer.value: self.answers[answer] for answer in Answer}
        return {"queue": self.queue, "matched": self.matched, "answers": answers, "capped": self.is_capped}


class Acted(Report):
    """What was done, or in a dry run would be."""

    def __init__(
        self, action: Action, is_dry: bool, tallies: Sequence[QueueTally], jobs: Sequence[JobAnswer] = ()
    ) -> None:
        self.action = action
        self.is_dry = is_dry
        self.tallies = tallies
        self.jobs = jobs

    @property
    def exit_code(self) -> int:
        return int(any(job.answer in REFUSED for job in self.jobs))

    def document(self) -> dict[str, Any]:
        return {
            "action": self.action.name,
            "dry_run": self.is_dry,
            "queues": [tally.document() for tally in self.tallies],
            "jobs": [job.document() for job in self.jobs],
        }

    def lines(self, sheet: Sheet) -> Iterator[str]:
        for tally in self.tallies:
            yield f"queue {tally.queue}: {self._said(tally)}"
            if tally.is_capped:
                yield f"  of each state only the newest {WINDOW:,} were looked at: say it again for the rest"
            if missed := tally.matched - tally.answers.total():
                yield f"  {number_of(missed)} had gone when it was their turn, or could not be seen"
        for job in self.jobs:
            if job.answer in REFUSED:
                yield f"{sheet.paint(Tone.BAD, 'refused')}  {plain(job.job_id)}  {self._why(job)}"

    def _said(self, tally: QueueTally) -> str:
        done = tally.answers[Answer.DONE]
        said = f"would {self.action.name} {number_of(done)}" if self.is_dry else f"{self.action.done} {number_of(done)}"
        told = f"{tally.told:,} of them running, whose workers have been told" if tally.told and not self.is_dry else ""
        refused = {
            "done before": tally.answers[Answer.ALREADY],
            "refused in their state": tally.answers[Answer.STALE],
            "gone": tally.answers[Answer.GONE],
        }
        return ", ".join([said, *filter(None, [told]), *(f"{n:,} {why}" for why, n in refused.items() if n)])

    def _why(self, job: JobAnswer) -> str:
        if job.state is None or job.answer is Answer.GONE:
            return "no such job"
        return f"it is {job.state}; {self.action.name} takes {', '.join(self.action.states)}"
