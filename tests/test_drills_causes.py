"""The judge of the chaos drill: which reruns the log of the faults explains, and which it does not."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from drills.storm.acts import ENDED, KILLED, OUTAGE, PARTED, STOPPED, TERMINATED, Act, Acts
from drills.storm.causes import Causes
from drills.storm.forecast import KILL, OUTAGES, forecast
from drills.storm.journal import NEVER, Attempt, Journal

LEASE_S = 3.0
FIRST, SECOND = 1, 2  # processes, in seats of the same number


def attempt(began_s: float, ended_s: float = NEVER, *, pid: int = FIRST, **given: Any) -> Attempt:
    spent = {"tries": 1, "requeues": 0, "crashes": 0, "claim": 1, "nonce": f"{pid}-{began_s}", **given}
    return Attempt(**{"job_id": "j", "queue": "default", "pid": pid, "began_s": began_s, "ended_s": ended_s, **spent})


def judge(tmp_path: Path, acts: Sequence[Act], *others: Attempt) -> Causes:
    (tmp_path / "ledger").touch()
    journal, log = Journal(tmp_path / "ledger"), Acts()
    journal.attempts = {one.nonce: one for one in others}
    for act in acts:
        log.add(act)
    reigns: Any = [SimpleNamespace(seat=pid, pid=pid) for pid in (FIRST, SECOND)]
    return Causes(reigns, log, journal, LEASE_S)


def at(kind: str, since_s: float, until_s: float = 0.0, pid: int = FIRST) -> Act:
    return Act(kind, since_s, until_s or since_s, pid, pid)


@pytest.mark.parametrize(
    ("acts", "cause"),
    [
        ([], ""),
        ([at(KILLED, 10.5)], "died"),
        ([at(KILLED, 9.5)], ""),  # before it began: nobody there could have died of it
        ([at(KILLED, 10.5, pid=SECOND)], ""),  # somebody else
        ([at(ENDED, 10.5)], "died"),
        ([at(STOPPED, 10.2, 14.7)], "lease"),
        ([at(STOPPED, 10.2, 11.0)], ""),  # two beats fit beside it
        ([Act(PARTED, 10.2, 14.7, FIRST)], "lease"),
        ([Act(PARTED, 10.2, 14.7, SECOND)], ""),
        ([Act(OUTAGE, 10.2, 14.0)], "lease"),
        ([Act(OUTAGE, 10.2, 10.4)], ""),
        ([at(TERMINATED, 10.5)], "cut off in stopping"),
    ],
)
def test_a_counted_crash_needs_a_cause_in_the_log(tmp_path: Path, acts: list[Act], cause: str) -> None:
    first, again = attempt(10.0, 12.0), attempt(15.0, 16.0, pid=SECOND, crashes=1)

    assert judge(tmp_path, acts, first, again).of_rerun(first, again) == cause


def test_a_retry_is_one_that_was_asked_for(tmp_path: Path) -> None:
    asked, silent = attempt(10.0, 11.0, error="Planned"), attempt(10.0, 11.0)
    again = attempt(12.0, pid=SECOND, tries=2)

    assert judge(tmp_path, [], asked, again).of_rerun(asked, again) == "retry"
    assert judge(tmp_path, [], silent, again).of_rerun(silent, again) == ""


def test_what_was_handed_back_has_a_stop_for_its_cause(tmp_path: Path) -> None:
    first, again = attempt(10.0, 11.0, error="CancelledError"), attempt(12.0, pid=SECOND)

    assert judge(tmp_path, [], first, again).of_rerun(first, again) == ""
    assert judge(tmp_path, [at(TERMINATED, 10.5)], first, again).of_rerun(first, again) == "handed back"


def test_a_death_long_after_its_end_is_no_cause(tmp_path: Path) -> None:
    first, again = attempt(10.0, 11.0), attempt(40.0, pid=SECOND, crashes=1)

    assert judge(tmp_path, [at(KILLED, 12.0)], first, again).of_rerun(first, again) == "died"
    assert judge(tmp_path, [at(KILLED, 30.0)], first, again).of_rerun(first, again) == ""


def test_a_death_after_turns_that_had_settled_it_is_no_cause(tmp_path: Path) -> None:
    first, again = attempt(10.0, 11.0), attempt(40.0, pid=SECOND, crashes=1)
    turns = [attempt(11.1 + claim / 10, job_id="other", claim=claim) for claim in (2, 3, 4)]

    settled = judge(tmp_path, [at(KILLED, 12.0)], first, again, *turns)
    perhaps = judge(tmp_path, [at(KILLED, 12.0)], first, again, *turns[:2])

    assert settled.of_rerun(first, again) == ""
    assert perhaps.of_rerun(first, again) == "died"


def test_attempts_overlap_only_where_the_first_was_cut_off(tmp_path: Path) -> None:
    zombie, again = attempt(10.0, 16.0), attempt(14.0, pid=SECOND, crashes=1)

    assert judge(tmp_path, [at(STOPPED, 10.2, 15.0)], zombie, again).of_overlap(zombie, again) == "lease"
    assert judge(tmp_path, [at(TERMINATED, 10.2)], zombie, again).of_overlap(zombie, again) == ""


def test_a_seed_says_which_blows_fall_when() -> None:
    storm = forecast(7, 60.0, LEASE_S, 1.5)

    assert storm == forecast(7, 60.0, LEASE_S, 1.5)
    assert storm != forecast(8, 60.0, LEASE_S, 1.5)
    assert sum(blow.kind == KILL for blow in storm) == 39
    assert sum(blow.kind == "outage" for blow in storm) == OUTAGES
