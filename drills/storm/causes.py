"""Why a job ran again, or beside itself: the rule by which the log of the faults explains it, or does not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from drills.storm.acts import ENDED, KILLED, LOST_REPLY, OUTAGE, PARTED, STALL, STOPPED, TERMINATED, Acts
from drills.storm.journal import Attempt, Journal
from drills.storm.seats import Reign

SETTLED_WITHIN_S = 5.0  # of its end an attempt is settled, where nothing stands between and nothing else is claimed
BACK_WITHIN_S = 1.0  # of a broker's return a worker beats again: it does so each second


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some time in which a worker could not reach its broker."""

    since_s: float
    until_s: float

    def within(self, since_s: float, until_s: float) -> float:
        return max(0.0, min(self.until_s, until_s) - max(self.since_s, since_s))


class Process:
    """One worker process, and what befell it."""

    def __init__(self, reign: Reign, acts: Acts, journal: Journal, begun: Sequence[Attempt]) -> None:
        self.pid = reign.pid
        self._begun = begun
        self.seat = reign.seat
        self.killed_s = [act.since_s for act in acts.of(KILLED) if act.pid == self.pid]
        self.told_to_stop_s = [act.since_s for act in acts.of(TERMINATED) if act.pid == self.pid]
        self.ended_s = min((act.since_s for act in acts.of(ENDED) if act.pid == self.pid), default=float("inf"))
        self._lost_s = [act.since_s for act in acts.of(LOST_REPLY) if act.seat == self.seat]
        away = [Stretch(act.since_s, act.until_s + BACK_WITHIN_S) for act in acts.of(OUTAGE)]
        own = [act for act in acts.of(STOPPED, PARTED, STALL) if act.concerns(self.seat, self.pid)]
        late = [Stretch(gap.since_s, gap.until_s) for gap in journal.gaps if gap.pid == self.pid]
        self._deaf = _merged([*away, *(Stretch(act.since_s, act.until_s) for act in own), *late])

    def deaf_s(self, since_s: float, until_s: float) -> float:
        """So long of this time it was frozen, cut off, starved, or the broker away."""
        return sum(one.within(since_s, until_s) for one in self._deaf)

    def may_have_lost_its_lease(self, since_s: float, until_s: float, lease_s: float) -> bool:
        """Whether some lease in this time passed without more than half of it being left to renew it: it is renewed
        every third, so two chances of three were taken from it."""
        starts = [one.since_s for one in self._deaf if one.until_s > since_s - lease_s and one.since_s < until_s]
        return any(self.deaf_s(start, min(start + lease_s, until_s)) > lease_s / 2 for start in starts)

    def lost_replies(self, since_s: float, until_s: float) -> int:
        return sum(since_s <= at_s <= until_s for at_s in self._lost_s)

    def unsettled_until_s(self, attempt: Attempt) -> float:
        """When the broker must have known of this attempt's end at the latest.

        A turn carries what ended before it, and claims in the same step. One may have been under way as the attempt
        ended, and one may have left before a thread had handed its outcome over; a third has settled it."""
        end_s = min(attempt.ended_s, self.ended_s)
        limit_s = end_s + SETTLED_WITHIN_S
        # what was taken from it meanwhile comes on top, also what comes within that
        for one in self._deaf:
            if one.until_s > end_s and one.since_s < limit_s:
                limit_s += one.within(end_s, float("inf"))
        limit_s += 3.0 * self.lost_replies(end_s, limit_s)  # a worker waits 3 s at most before it asks again
        return min(limit_s, self._third_claim_s(attempt, end_s))

    def _third_claim_s(self, attempt: Attempt, end_s: float) -> float:
        same = [one for one in self._begun if one.queue == attempt.queue]
        known = {one.claim for one in same if one.began_s <= end_s}
        claims: set[int] = set()
        for one in same:
            if one.began_s > end_s and one.claim not in known:
                claims.add(one.claim)
                if len(claims) == 3:
                    return one.began_s
        return float("inf")


def _merged(stretches: Iterable[Stretch]) -> Sequence[Stretch]:
    made: list[Stretch] = []
    for one in sorted(stretches, key=lambda stretch: stretch.since_s):
        if made and one.since_s <= made[-1].until_s:
            made[-1] = Stretch(made[-1].since_s, max(made[-1].until_s, one.until_s))
        else:
            made.append(one)
    return made


class Causes:
    """Finds why an attempt followed another."""

    def __init__(self, reigns: Iterable[Reign], acts: Acts, journal: Journal, lease_s: float) -> None:
        self._lease_s = lease_s
        self.journal = journal
        self.reigns = list(reigns)
        begun = journal.by_process
        self.processes = {one.pid: Process(one, acts, journal, begun.get(one.pid, ())) for one in self.reigns}

    def of_rerun(self, before: Attempt, after: Attempt) -> str:
        """Why the job was handed out again; "" if nothing explains it.

        - `retry`: the attempt before asked for it.
        - `died`: its process was killed while the attempt ran, or before its end can have been settled.
        - `lease`: its process could not reach the broker for more than half of a lease, in that time.
        - `handed back`: its process was told to stop in that time, and nothing was spent.
        - `cut off in stopping`: as before, but the broker was not reached any more, so a crash was counted.
        """
        process = self.processes[before.pid]
        until_s = min(after.began_s, process.unsettled_until_s(before))
        if after.tries == before.tries + 1 and before.failed_as_planned:
            return "retry"
        if any(before.began_s <= at_s <= until_s for at_s in (*process.killed_s, process.ended_s)):
            return "died"
        if process.may_have_lost_its_lease(before.began_s, until_s, self._lease_s):
            return "lease"
        if any(at_s <= until_s for at_s in process.told_to_stop_s):
            return "handed back" if after.rank == before.rank else "cut off in stopping"
        return ""

    def of_overlap(self, before: Attempt, after: Attempt) -> str:
        """Why both ran at once; "" if nothing explains it: only who was stopped or cut off may go on in vain."""
        process = self.processes[before.pid]
        if process.may_have_lost_its_lease(before.began_s - self._lease_s, after.began_s, self._lease_s):
            return "lease"
        return ""

    def end_s(self, attempt: Attempt) -> float:
        """When the attempt was over: by itself, or with its process."""
        return min(attempt.ended_s, self.processes[attempt.pid].ended_s)
